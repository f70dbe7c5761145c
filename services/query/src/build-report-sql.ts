import type { ReportQuery, WindowName } from './report-query.ts'

/** A statement with the values of its {name:Type} parameters. */
export interface Statement {
  readonly sql: string
  readonly parameters: Readonly<Record<string, string | number | readonly string[]>>
}

/** Windows that `fill` may give to one group. */
export const maxFilledWindows = 100_000

const minuteUs = 60_000_000

/**
 * A report as one statement. Whole minutes come from the rollup, what is left at both ends of the range from the
 * events themselves, so that a range of any microseconds is exact. Nothing that a caller sent stands in the text:
 * values are parameters, names were replaced by positions.
 *
 * Columns of a row, all text: window start and end (seconds; 0 for `total`), one per group, readings, then by
 * aggregation sum, min or max (null without readings), then the sort keys in the order of `query.order`.
 */
export function buildReportSql(query: ReportQuery): Statement {
  const parameters: Record<string, string | number | readonly string[]> = {
    tenant: query.meter.tenant,
    meter: query.meter.name,
    version: query.meter.version,
    timezone: query.timezone,
    limit: query.limit + 1,
  }
  const sources = [minutesSource(query, parameters), edgesSource(query, parameters)].filter((it) => it !== '')
  // A range without any time still has a form.
  const readings = sources.length > 0 ? sources.join('\n  UNION ALL\n  ') : minutesOf(query, parameters, 0, 0)
  const union = query.fill ? `${readings}\n  UNION ALL\n  ${zeroRows(query, readings, parameters)}` : readings
  const keys = sortKeys(query)
  const columns = [
    'toString(w) AS window_start',
    `toString(${windowEndOf(query.window)}) AS window_end`,
    ...query.groupBy.map((_, index) => `g${index}`),
    'toString(readings)',
    ...valueColumns(query),
    ...keys.map(({ text }, index) => `${text} AS k${index}`),
  ]
  const sql = `SELECT ${columns.join(', ')}
FROM (
  SELECT w${groupList(query)}, ${aggregates(query).join(', ')}
  FROM (
  ${union}
  )
  GROUP BY w${groupList(query)}
)${pageCondition(query, keys, parameters)}
ORDER BY ${keys.map(({ sort, descending }) => `${sort}${descending ? ' DESC' : ''}`).join(', ')}
LIMIT {limit:UInt32}`
  return { sql, parameters }
}

type Parameters = Record<string, string | number | readonly string[]>

function groupList(query: ReportQuery): string {
  return query.groupBy.map((_, index) => `, g${index}`).join('')
}

/** Whole minutes of the range. */
function minutesSource(query: ReportQuery, parameters: Parameters): string {
  const from = Math.ceil(query.fromUs / minuteUs) * 60
  const to = Math.floor(query.toUs / minuteUs) * 60
  return from < to ? minutesOf(query, parameters, from, to) : ''
}

function minutesOf(query: ReportQuery, parameters: Parameters, from: number, to: number): string {
  parameters.minutesFrom = from
  parameters.minutesTo = to
  return `SELECT ${windowOf(query.window, 'minute')} AS w${groupColumns(query, 'group')}, ${partColumns(
    query,
    {
      count: 'count',
      sum: 'sum',
      min: 'min',
      max: 'max',
    },
  )}
  FROM meter_minutes
  WHERE tenant = {tenant:String} AND meter = {meter:String} AND version = {version:UInt64}
    AND minute >= toDateTime({minutesFrom:UInt32}, 'UTC') AND minute < toDateTime({minutesTo:UInt32}, 'UTC')${filterOf(
      query,
      'group',
      parameters,
    )}`
}

/** The parts of minutes at both ends of the range. */
function edgesSource(query: ReportQuery, parameters: Parameters): string {
  const edges = edgeRanges(query)
  if (edges.length === 0) return ''
  const ranges = edges.map(([from, to], index) => {
    parameters[`edge${index}From`] = String(from)
    parameters[`edge${index}To`] = String(to)
    const at = (name: string): string => `fromUnixTimestamp64Micro({edge${index}${name}:Int64}, 'UTC')`
    return `(occurred_at >= ${at('From')} AND occurred_at < ${at('To')})`
  })
  parameters.eventTypes = query.meter.eventTypes
  return `SELECT ${windowOf(query.window, "toDateTime(toStartOfMinute(occurred_at), 'UTC')")} AS w${groupColumns(
    query,
    'reading.group',
  )}, ${partColumns(query, {
    count: 'toUInt64(1)',
    sum: 'ifNull(reading.value, 0)',
    min: 'reading.value',
    max: 'reading.value',
  })}
  FROM events ARRAY JOIN readings AS reading
  WHERE tenant = {tenant:String} AND type IN {eventTypes:Array(String)} AND (${ranges.join(' OR ')})
    AND reading.meter = {meter:String} AND reading.version = {version:UInt64}${filterOf(
      query,
      'reading.group',
      parameters,
    )}`
}

function edgeRanges({ fromUs, toUs }: ReportQuery): [number, number][] {
  const wholeFrom = Math.ceil(fromUs / minuteUs) * minuteUs
  const wholeTo = Math.floor(toUs / minuteUs) * minuteUs
  // Both ends within one minute.
  if (wholeFrom > wholeTo) return [[fromUs, toUs]]
  const edges: [number, number][] = [
    [fromUs, wholeFrom],
    [wholeTo, toUs],
  ]
  return edges.filter(([from, to]) => from < to)
}

/** Start of the window, in seconds. ClickHouse's calendar is the only one: rows and fillings agree by it. */
function windowOf(window: WindowName, at: string): string {
  const zone = '{timezone:String}'
  switch (window) {
    case 'total':
      return 'toUInt32(0)'
    case 'minute':
      return `toUnixTimestamp(toStartOfMinute(${at}, ${zone}))`
    case 'hour':
      return `toUnixTimestamp(toStartOfHour(${at}, ${zone}))`
    case 'day':
      return `toUnixTimestamp(toStartOfDay(${at}, ${zone}))`
    case 'week':
      return `toUnixTimestamp(toDateTime(toStartOfWeek(${at}, 1, ${zone}), ${zone}))`
    case 'month':
      return `toUnixTimestamp(toDateTime(toStartOfMonth(${at}, ${zone}), ${zone}))`
    case 'year':
      return `toUnixTimestamp(toDateTime(toStartOfYear(${at}, ${zone}), ${zone}))`
  }
}

function windowEndOf(window: WindowName): string {
  const zone = '{timezone:String}'
  const date = `toDate(toDateTime(w, ${zone}), ${zone})`
  const midnight = (moved: string): string => `toUnixTimestamp(toDateTime(${moved}, ${zone}))`
  switch (window) {
    case 'total':
      return 'w'
    case 'minute':
      return 'w + 60'
    case 'hour':
      return 'w + 3600'
    case 'day':
      return midnight(`${date} + 1`)
    case 'week':
      return midnight(`${date} + 7`)
    case 'month':
      return midnight(`addMonths(${date}, 1)`)
    case 'year':
      return midnight(`addYears(${date}, 1)`)
  }
}

function groupColumns({ meter, groupBy }: ReportQuery, array: string): string {
  return groupBy
    .map((name, index) => `, ${array}[${meter.dimensions.indexOf(name) + 1}] AS g${index}`)
    .join('')
}

function filterOf({ meter, filter }: ReportQuery, array: string, parameters: Parameters): string {
  return filter
    .map(({ dimension, values }, index) => {
      parameters[`filter${index}`] = values
      return ` AND ${array}[${meter.dimensions.indexOf(dimension) + 1}] IN {filter${index}:Array(String)}`
    })
    .join('')
}

interface Parts {
  readonly count: string
  readonly sum: string
  readonly min: string
  readonly max: string
}

function partColumns({ meter }: ReportQuery, parts: Parts): string {
  const count = `${parts.count} AS c`
  // 256 bits: a sum over many minutes may leave what the rollup's 128 hold.
  if (meter.aggregation === 'sum' || meter.aggregation === 'avg')
    return `${count}, toDecimal256(${parts.sum}, 18) AS s`
  if (meter.aggregation === 'min') return `${count}, ${parts.min} AS s`
  if (meter.aggregation === 'max') return `${count}, ${parts.max} AS s`
  return count
}

function aggregates({ meter }: ReportQuery): string[] {
  const readings = 'sum(c) AS readings'
  if (meter.aggregation === 'sum' || meter.aggregation === 'avg') return [readings, 'sum(s) AS amount']
  if (meter.aggregation === 'min') return [readings, 'min(s) AS amount']
  if (meter.aggregation === 'max') return [readings, 'max(s) AS amount']
  return [readings]
}

function valueColumns({ meter }: ReportQuery): string[] {
  return meter.aggregation === 'count' ? [] : ['toString(amount)']
}

/** One row without readings per window and group that occurs. */
function zeroRows(query: ReportQuery, readings: string, parameters: Parameters): string {
  parameters.fillFrom = Math.floor(query.fromUs / 1_000_000)
  parameters.fillTo = Math.ceil(query.toUs / 1_000_000)
  const amount =
    query.meter.aggregation === 'count'
      ? ''
      : query.meter.aggregation === 'sum' || query.meter.aggregation === 'avg'
        ? ', toDecimal256(0, 18) AS s'
        : ", CAST(NULL, 'Nullable(Decimal(38, 18))') AS s"
  const windows = `(SELECT ${filledWindow(query.window)} AS w FROM numbers(${countWindows(query)}) WHERE w < {fillTo:UInt32}) AS windows`
  const groups =
    query.groupBy.length === 0
      ? ''
      : ` CROSS JOIN (SELECT DISTINCT ${groupNames(query)} FROM (${readings})) AS groups`
  return `SELECT w${groupList(query)}, toUInt64(0) AS c${amount} FROM ${windows}${groups}`
}

function groupNames(query: ReportQuery): string {
  return query.groupBy.map((_, index) => `g${index}`).join(', ')
}

/** Start of the window with a number, counted from the one that the range starts in. */
function filledWindow(window: WindowName): string {
  const zone = '{timezone:String}'
  const first = windowOf(window, `toDateTime({fillFrom:UInt32}, 'UTC')`)
  const date = `toDate(toDateTime(${first}, ${zone}), ${zone})`
  const midnight = (moved: string): string => `toUnixTimestamp(toDateTime(${moved}, ${zone}))`
  switch (window) {
    case 'total':
      return 'toUInt32(0)'
    case 'minute':
      return `toUInt32(${first} + number * 60)`
    case 'hour':
      return `toUInt32(${first} + number * 3600)`
    case 'day':
      return midnight(`${date} + number`)
    case 'week':
      return midnight(`${date} + number * 7`)
    case 'month':
      return midnight(`addMonths(${date}, number)`)
    case 'year':
      return midnight(`addYears(${date}, number)`)
  }
}

const shortestSeconds: Readonly<Record<Exclude<WindowName, 'total'>, number>> = {
  minute: 60,
  hour: 3_600,
  day: 22 * 3_600,
  week: 6 * 86_400,
  month: 27 * 86_400,
  year: 364 * 86_400,
}

/** At least as many windows as the range touches. */
export function countWindows({
  window,
  fromUs,
  toUs,
}: Pick<ReportQuery, 'window' | 'fromUs' | 'toUs'>): number {
  if (window === 'total') return 1
  return Math.ceil((toUs - fromUs) / 1_000_000 / shortestSeconds[window]) + 2
}

interface SortKey {
  readonly sort: string
  /** The key as text for the cursor. */
  readonly text: string
  readonly type: string
  readonly descending: boolean
}

function sortKeys(query: ReportQuery): SortKey[] {
  return query.order.flatMap(({ field, descending }): SortKey[] => {
    if (field === 'windowStart') return [{ sort: 'w', text: 'toString(w)', type: 'UInt32', descending }]
    if (field === 'value') return valueKeys(query, descending)
    const column = `g${query.groupBy.indexOf(field)}`
    return [{ sort: column, text: column, type: 'String', descending }]
  })
}

function valueKeys({ meter: { aggregation } }: ReportQuery, descending: boolean): SortKey[] {
  const key = (sort: string, type: string): SortKey => ({ sort, text: `toString(${sort})`, type, descending })
  if (aggregation === 'count') return [key('readings', 'UInt64')]
  if (aggregation === 'sum') return [key('amount', 'Decimal(76, 18)')]
  // Windows without a reading come last, whichever way the rest goes.
  const empty: SortKey = { sort: 'isEmpty', text: 'toString(readings = 0)', type: 'UInt8', descending: false }
  const filled = { ...empty, sort: '(readings = 0)' }
  if (aggregation === 'avg')
    return [
      filled,
      key('divideDecimal(amount, toDecimal256(greatest(readings, 1), 0), 36)', 'Decimal(76, 36)'),
    ]
  return [filled, key('assumeNotNull(ifNull(amount, toDecimal128(0, 18)))', 'Decimal(38, 18)')]
}

/** Rows behind the last one of the page before. */
function pageCondition({ after }: ReportQuery, keys: readonly SortKey[], parameters: Parameters): string {
  if (after === undefined) return ''
  const value = (index: number): string => `{after${index}:${keys[index]?.type ?? 'String'}}`
  keys.forEach((_, index) => {
    parameters[`after${index}`] = after[index] ?? ''
  })
  const alternatives = keys.map(({ sort, descending }, index) => {
    const equal = keys.slice(0, index).map((key, before) => `${key.sort} = ${value(before)}`)
    return [...equal, `${sort} ${descending ? '<' : '>'} ${value(index)}`].join(' AND ')
  })
  return `\nWHERE ${alternatives.map((it) => `(${it})`).join(' OR ')}`
}
