import type { AskedReport, ReportQuery } from './report-query.ts'
import { reportSources } from './report-sources.ts'
import { valueForm } from './report-values.ts'
import { countWindows, filledWindow, windowEndOf, windowOf } from './report-windows.ts'
import type { Parameters, Statement } from './statement.ts'

/**
 * A report as one statement. Nothing that a caller sent stands in the text: values are parameters, names were replaced
 * by positions.
 *
 * Columns of a row, all text: window start and end (seconds; 0 for `total`), one per group, readings, then the amount
 * unless the meter only counts (null without readings), then the sort keys in the order of `query.order`.
 */
export function buildReportSql(query: ReportQuery): Statement {
  const parameters: Parameters = { timezone: query.timezone, limit: query.limit + 1 }
  const keys = sortKeys(query)
  const summed = sumUp(query, reportSources(query, parameters))
  const columns = [
    'toString(w) AS window_start',
    `toString(${windowEndOf(query.window)}) AS window_end`,
    ...query.groupBy.map((_, index) => `g${index}`),
    'toString(readings)',
    ...(hasAmount(query) ? ['toString(amount)'] : []),
    ...keys.map(({ text }, index) => `${text} AS k${index}`),
  ]
  const sql = `SELECT ${columns.join(', ')}
FROM (
${query.fill ? fillUp(query, summed, parameters) : summed}
)${pageCondition(query, keys, parameters)}
ORDER BY ${keys.map(({ sort, descending }) => `${sort}${descending ? ' DESC' : ''}`).join(', ')}
LIMIT {limit:UInt32}`
  return { sql, parameters }
}

/**
 * The rows of each cell of the query's grid, in no order. Columns of a row, all text: number of the cell, window start
 * and end, one per group, readings, then the amount unless the meter only counts.
 */
export function buildPiecesSql(query: ReportQuery & { readonly grid: number }): Statement {
  const parameters: Parameters = { timezone: query.timezone, limit: query.limit + 1, grid: query.grid }
  const columns = [
    'toString(piece)',
    'toString(w)',
    `toString(${windowEndOf(query.window)})`,
    ...query.groupBy.map((_, index) => `g${index}`),
    'toString(readings)',
    ...(hasAmount(query) ? ['toString(amount)'] : []),
  ]
  const sql = `SELECT ${columns.join(', ')}
FROM (
${sumUp(query, reportSources(query, parameters))}
)
LIMIT {limit:UInt32}`
  return { sql, parameters }
}

/** Start and end of each window that a filled report of the range has. */
export function buildWindowsSql(query: AskedReport): Statement {
  const parameters = { timezone: query.timezone, ...fillParameters(query) }
  const sql = `SELECT toString(w), toString(${windowEndOf(query.window)}) FROM ${filledWindows(query)}`
  return { sql, parameters }
}

/** Start and end of the window that an hour of UTC lies in, and the start of the one that its last second lies in. */
export function buildHourWindowSql({ window, timezone }: AskedReport, hour: number): Statement {
  const starts = (at: string): string => windowOf(window, `toDateTime(${at}, 'UTC')`)
  const sql = `SELECT toString(w), toString(${windowEndOf(window)}), toString(last)
FROM (SELECT ${starts('{hour:UInt32}')} AS w, ${starts('{hour:UInt32} + 3599')} AS last)`
  return { sql, parameters: { timezone, hour } }
}

function hasAmount({ meter }: ReportQuery): boolean {
  return valueForm(meter.aggregation).aggregate !== undefined
}

function groupNames(query: ReportQuery): string {
  return query.groupBy.map((_, index) => `, g${index}`).join('')
}

/** A row per window and group that has readings; what was retracted altogether leaves none. */
function sumUp(query: ReportQuery, sources: readonly string[]): string {
  const { aggregate } = valueForm(query.meter.aggregation)
  const by = `${query.grid === undefined ? '' : 'piece, '}w${groupNames(query)}`
  return `  SELECT ${by}, sum(c) AS readings${aggregate === undefined ? '' : `, ${aggregate} AS amount`}
  FROM (
  ${sources.join('\n  UNION ALL\n  ')}
  )
  GROUP BY ${by}
  HAVING readings > 0`
}

/** With a row without readings for each window and group that occurs. */
function fillUp(query: ReportQuery, summed: string, parameters: Parameters): string {
  Object.assign(parameters, fillParameters(query))
  const by = `w${groupNames(query)}`
  const windows = filledWindows(query)
  const groups =
    query.groupBy.length === 0
      ? ''
      : ` CROSS JOIN (SELECT DISTINCT ${groupNames(query).slice(2)} FROM (\n${summed}\n)) AS groups`
  const amount = hasAmount(query)
  return `SELECT ${by}, max(readings) AS readings${amount ? ', any(amount) AS amount' : ''}
FROM (
${summed}
  UNION ALL
  SELECT ${by}, toInt64(0) AS readings${amount ? ', NULL AS amount' : ''} FROM ${windows}${groups}
)
GROUP BY ${by}`
}

function filledWindows(query: AskedReport): string {
  return `(SELECT ${filledWindow(query.window)} AS w FROM numbers(${countWindows(query)}) WHERE w < {fillTo:UInt32}) AS windows`
}

function fillParameters({ fromUs, toUs }: AskedReport): Parameters {
  return { fillFrom: Math.floor(fromUs / 1_000_000), fillTo: Math.ceil(toUs / 1_000_000) }
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

function valueKeys({ meter }: ReportQuery, descending: boolean): SortKey[] {
  const { sort, zeroWhenEmpty } = valueForm(meter.aggregation)
  const key: SortKey = { sort: sort.key, text: `toString(${sort.key})`, type: sort.type, descending }
  if (zeroWhenEmpty) return [key]
  // Windows without a reading come last, whichever way the rest goes.
  const empty = '(readings = 0)'
  return [{ sort: empty, text: `toString(${empty})`, type: 'UInt8', descending: false }, key]
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
