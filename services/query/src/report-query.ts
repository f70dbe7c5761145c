import type { Aggregation } from '@millrace/catalog/resources'
import type { Microseconds } from './time.ts'

export const windowNames = ['minute', 'hour', 'day', 'week', 'month', 'year', 'total'] as const
export type WindowName = (typeof windowNames)[number]

export type ReportAggregation = Extract<Aggregation, 'count' | 'sum' | 'avg' | 'min' | 'max'>

/** A meter as reports read it. */
export interface ReportMeter {
  readonly tenant: string
  readonly name: string
  /** Catalog version: readings of other versions are not mixed in. */
  readonly version: number
  readonly aggregation: ReportAggregation
  readonly eventTypes: readonly string[]
  /** In the order in which group values are stored: by name. */
  readonly dimensions: readonly string[]
}

export interface ReportOrder {
  /** `windowStart`, `value` or a dimension that is grouped by. */
  readonly field: string
  readonly descending: boolean
}

/** A report that was checked: every name in it is known, every number within its limits. */
export interface ReportQuery {
  readonly meter: ReportMeter
  readonly fromUs: Microseconds
  readonly toUs: Microseconds
  readonly window: WindowName
  readonly timezone: string
  readonly groupBy: readonly string[]
  readonly filter: readonly { readonly dimension: string; readonly values: readonly string[] }[]
  /** Total: no two rows are equal in all of these fields. */
  readonly order: readonly ReportOrder[]
  readonly limit: number
  readonly fill: boolean
  /** Sort keys of the last row of the page before, in the order of `order`. */
  readonly after: readonly string[] | undefined
}
