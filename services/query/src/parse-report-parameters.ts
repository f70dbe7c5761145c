import type { CatalogEntry, Meter } from '@millrace/catalog/resources'
import { type Fault, ServiceError } from '@millrace/service-kit/errors'
import { timestampRange } from '@millrace/service-kit/timestamp'
import type { CursorCodec } from './cursor.ts'
import { describeDimensions, readFilter } from './parse-report-filter.ts'
import { reportLimits } from './report-limits.ts'
import {
  amountDimensions,
  type ReportMeter,
  type ReportOrder,
  type ReportQuery,
  type WindowName,
  windowNames,
} from './report-query.ts'
import { countWindows, maxFilledWindows } from './report-windows.ts'
import { type Microseconds, parseTime } from './time.ts'
import { isTimezone } from './timezone.ts'

/** A report's parameters as any door hands them over. */
export interface ReportParameters {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly window?: string | undefined
  readonly timezone?: string | undefined
  readonly groupBy?: readonly string[] | undefined
  readonly filter?: Readonly<Record<string, readonly string[]>> | undefined
  readonly order?: readonly string[] | undefined
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
  readonly fill?: boolean | undefined
}

export function toReportMeter(entry: CatalogEntry<Meter>): ReportMeter {
  const { aggregation, eventTypes, groupBy = {} } = entry.body
  const dimensions = Object.keys(groupBy).sort()
  return {
    tenant: entry.tenant,
    name: entry.name,
    version: entry.version,
    aggregation,
    eventTypes,
    dimensions: aggregation === 'amount' ? [...dimensions, ...amountDimensions] : dimensions,
    subjectDimension: dimensions.find((name) => groupBy[name] === '/subject'),
  }
}

/** A checked report, with what its cursors are tied to. */
export interface ParsedReport {
  readonly query: Omit<ReportQuery, 'access' | 'changes'>
  readonly cursorSubject: string
  /** Neither the parameters nor a cursor say where it ends. */
  readonly untilNow: boolean
}

/**
 * Checks parameters against the meter and fills in what was left out.
 * @throws {ServiceError} `invalid-request` naming every faulty parameter
 */
export function parseReportParameters(
  parameters: ReportParameters,
  meter: ReportMeter,
  now: Microseconds,
  cursors: CursorCodec,
): ParsedReport {
  const faults: Fault[] = []
  const groupBy = readGroupBy(parameters, meter, faults)
  const cursorSubject = subjectOf(parameters, meter)
  const position =
    parameters.cursor === undefined ? undefined : cursors.decode(cursorSubject, parameters.cursor)
  const query = {
    meter,
    fromUs: readTime('from', parameters.from, 0, faults),
    // Without `to`, all pages of a report end where the first one did.
    toUs: readTime('to', parameters.to, position === undefined ? now : Number(position[0]), faults),
    window: readWindow(parameters, faults),
    timezone: readTimezone(parameters, faults),
    groupBy,
    filter: readFilter(parameters, meter, faults),
    order: readOrder(parameters, groupBy, faults),
    limit: readLimit(parameters, faults),
    fill: parameters.fill ?? false,
    after: position?.slice(1),
  }
  checkRange(query, parameters, faults)
  if (faults.length > 0) {
    throw new ServiceError('invalid-request', faults.map((fault) => fault.detail).join(' '), { faults })
  }
  return { query, cursorSubject, untilNow: parameters.to === undefined && position === undefined }
}

/** Everything that decides which rows follow one another; `limit` may change from page to page. */
function subjectOf(parameters: ReportParameters, meter: ReportMeter): string {
  const { cursor: _cursor, limit: _limit, ...rest } = parameters
  return JSON.stringify(['report', meter.tenant, meter.name, meter.version, rest])
}

function readTime(
  name: 'from' | 'to',
  text: string | undefined,
  fallback: Microseconds,
  faults: Fault[],
): Microseconds {
  if (text === undefined) return fallback
  const us = parseTime(text)
  if (us !== undefined) return us
  const detail = `${name} is not an RFC 3339 time ${timestampRange}, such as 2026-01-31T00:00:00Z.`
  faults.push({ pointer: `/${name}`, detail })
  return fallback
}

function readWindow({ window = 'total' }: ReportParameters, faults: Fault[]): WindowName {
  const known = windowNames.find((name) => name === window)
  if (known === undefined) {
    faults.push({ pointer: '/window', detail: `window is one of ${windowNames.join(', ')}.` })
  }
  return known ?? 'total'
}

function readTimezone({ timezone = 'UTC' }: ReportParameters, faults: Fault[]): string {
  if (isTimezone(timezone)) return timezone
  faults.push({
    pointer: '/timezone',
    detail: 'timezone is not an IANA time zone, such as Europe/Stockholm.',
  })
  return 'UTC'
}

function readGroupBy(
  { groupBy = [] }: ReportParameters,
  meter: ReportMeter,
  faults: Fault[],
): readonly string[] {
  // Amounts of several currencies make no sum, and what is paid is told from what is not.
  const names = [...new Set([...groupBy, ...(meter.aggregation === 'amount' ? amountDimensions : [])])]
  const known = names.filter((name) => meter.dimensions.includes(name))
  if (known.length < names.length) {
    faults.push({
      pointer: '/groupBy',
      detail: `groupBy names a dimension that is not known. ${describeDimensions(meter)}`,
    })
  }
  return known
}

function readOrder(
  { order = [] }: ReportParameters,
  groupBy: readonly string[],
  faults: Fault[],
): readonly ReportOrder[] {
  const fields = ['windowStart', 'value', ...groupBy]
  const asked = order.map((text) =>
    text.startsWith('-') ? { field: text.slice(1), descending: true } : { field: text, descending: false },
  )
  if (asked.some(({ field }) => !fields.includes(field))) {
    faults.push({
      pointer: '/order',
      detail: `order takes ${fields.join(', ')}, with a "-" before it for the reverse.`,
    })
    return []
  }
  // Completed to a total order: pages neither repeat nor miss a row.
  const completed = [...asked]
  for (const field of ['windowStart', ...groupBy]) {
    if (!completed.some((it) => it.field === field)) completed.push({ field, descending: false })
  }
  return completed.filter((it, index) => completed.findIndex(({ field }) => field === it.field) === index)
}

function readLimit({ limit = reportLimits.defaultRows }: ReportParameters, faults: Fault[]): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= reportLimits.maxRows) return limit
  faults.push({ pointer: '/limit', detail: `limit is a whole number from 1 to ${reportLimits.maxRows}.` })
  return reportLimits.defaultRows
}

function checkRange(query: ParsedReport['query'], parameters: ReportParameters, faults: Fault[]): void {
  if (faults.some(({ pointer }) => pointer === '/from' || pointer === '/to')) return
  if (query.fromUs >= query.toUs) {
    const detail =
      parameters.to === undefined
        ? 'from lies in the future, and to is not given.'
        : 'from must lie before to.'
    faults.push({ pointer: '/from', detail })
  } else if (query.fill && parameters.from === undefined && query.window !== 'total') {
    faults.push({ pointer: '/fill', detail: 'fill needs from, where the first window is.' })
  } else if (query.fill && countWindows(query) > maxFilledWindows) {
    const detail = `fill gives at most ${maxFilledWindows} windows. Take a shorter range or longer windows.`
    faults.push({ pointer: '/fill', detail })
  } else if (parameters.from !== undefined && countWindows(query) > reportLimits.maxWindows) {
    const detail = `The range has more than ${reportLimits.maxWindows} windows. Take a shorter one or longer windows.`
    faults.push({ pointer: '/window', detail })
  }
}
