import { allowsType, type KeyConstraints } from '@millrace/catalog/key-constraints'
import { ServiceError } from '@millrace/service-kit/errors'
import type { ReportAccess, ReportMeter } from './report-query.ts'
import type { Parameters } from './statement.ts'

/** @throws {ServiceError} `forbidden` when the key may read none of the meter's event types */
export function restrictReport(meter: ReportMeter, constraints: KeyConstraints | undefined): ReportAccess {
  const eventTypes = meter.eventTypes.filter((type) => allowsType(constraints, type))
  if (eventTypes.length === 0) {
    throw new ServiceError(
      'forbidden',
      `The key may not read events of the types that the meter ${meter.name} counts: ${meter.eventTypes.join(', ')}.`,
    )
  }
  return { eventTypes, subjects: constraints?.subjects }
}

/** The rollup does not tell types apart, nor subjects unless they are a dimension: the events have to be asked. */
export function needsEvents(meter: ReportMeter, { eventTypes, subjects }: ReportAccess): boolean {
  const someTypes = eventTypes.length < meter.eventTypes.length
  return someTypes || (subjects !== undefined && meter.subjectDimension === undefined)
}

/**
 * A condition that a column holds a subject which one of the patterns matches.
 * @returns what begins with " AND "; empty when every subject may be read
 */
export function subjectCondition(
  column: string,
  subjects: readonly string[] | undefined,
  parameters: Parameters,
): string {
  if (subjects === undefined || subjects.some((pattern) => /^\*+$/.test(pattern))) return ''
  parameters.subjects = subjects.map(toExpression)
  // RE2: its time is linear in the text whatever the pattern.
  return ` AND ${column} != '' AND arrayExists(pattern -> match(${column}, pattern), {subjects:Array(String)})`
}

/** Exact text but for *, which stands for any run of characters. */
function toExpression(pattern: string): string {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
  return `^(?s:${parts.join('.*')})$`
}
