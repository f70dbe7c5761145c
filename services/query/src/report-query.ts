import type { Aggregation } from '@millrace/catalog/resources'
import type { CalendarSplits } from './calendar-splits.ts'
import type { Microseconds } from './time.ts'

export const windowNames = ['minute', 'hour', 'day', 'week', 'month', 'year', 'total'] as const
export type WindowName = (typeof windowNames)[number]

/** What a meter of amounts is grouped by besides its own dimensions, always and behind them. */
export const amountDimensions = ['currency', 'settled'] as const

/** A meter as reports read it. */
export interface ReportMeter {
  readonly tenant: string
  readonly name: string
  /** Catalog version: readings of other versions are not mixed in. */
  readonly version: number
  readonly aggregation: Aggregation
  readonly eventTypes: readonly string[]
  /** In the order in which group values are stored: by name, then those of amounts. */
  readonly dimensions: readonly string[]
  /** The dimension that is the events' subject, where the meter has one. */
  readonly subjectDimension?: string | undefined
}

export interface ReportOrder {
  /** `windowStart`, `value` or a dimension that is grouped by. */
  readonly field: string
  readonly descending: boolean
}

/** What of a meter's events the caller's key may read. */
export interface ReportAccess {
  /** Those of the meter's types that it may read; at least one. */
  readonly eventTypes: readonly string[]
  /** Patterns of subjects; undefined when it may read all. */
  readonly subjects: readonly string[] | undefined
}

/** Which changes of events there are within a report's range; without any, a report need not look for them. */
export interface ReportChanges {
  readonly retractions: boolean
  readonly settlements: boolean
  /** Some did not go into the meter's rollup: their minutes are computed from single readings. */
  readonly unrolled: boolean
}

/** A report that was checked: every name in it is known, every number within its limits. */
export interface ReportQuery {
  readonly meter: ReportMeter
  readonly access: ReportAccess
  readonly changes: ReportChanges
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
  /** Days and hours of UTC that two windows have a part of, in seconds; looked for in the question where they are not known. */
  readonly splits?: CalendarSplits | undefined
  /** The rollup of days is left alone: the hours are few. */
  readonly withoutDays?: boolean
  /** Rows of each cell of a grid of so many seconds by themselves, neither ordered nor filled. */
  readonly grid?: number
}

/** One before its changes were looked for. */
export type AskedReport = Omit<ReportQuery, 'changes'>
