import type { AskedReport, ReportQuery } from './report-query.ts'
import { reportSources } from './report-sources.ts'
import { valueForm } from './report-values.ts'
import { countWindows, filledWindow, windowEndOf, windowOf } from './report-windows.ts'
import type { ReportSource } from './source-columns.ts'
import type { Parameters, Statement } from './statement.ts'

/**
 * A report as one statement. Nothing that a caller sent stands in the text: values are parameters, names were replaced
 * by positions. It has no more levels, columns and functions than it must: with the few thousand rows of a rollup that
 * most reports read, ClickHouse is busy for longer with understanding the statement than with the rows.
 *
 * Columns of a row: window start and end (seconds; 0 for `total`), one per group, readings, then the amount unless the
 * meter only counts (null without readings). Numbers of 64 bits and more come as text.
 */
export function buildReportSql(query: ReportQuery): Statement {
  const parameters: Parameters = { timezone: query.timezone, limit: query.limit + 1 }
  const keys = sortKeys(query)
  const sources = reportSources(query, parameters)
  const page = pageCondition(query, keys, parameters)
  const rows = query.fill
    ? `${fillUp(query, sumUp(query, sources), parameters)}${page && `\nWHERE ${page}`}`
    : `${sumUp(query, sources, windowEndOf(query))}${page && ` AND (${page})`}`
  const sql = `${rows}
ORDER BY ${keys.map(({ sort, descending }) => `${sort}${descending ? ' DESC' : ''}`).join(', ')}
LIMIT {limit:UInt32}`
  return { sql, parameters }
}

/** The rows of each cell of the query's grid, in no order. Columns of a row: number of the cell, then those of a report. */
export function buildPiecesSql(query: ReportQuery & { readonly grid: number }): Statement {
  const parameters: Parameters = { timezone: query.timezone, limit: query.limit + 1, grid: query.grid }
  const sql = `${sumUp(query, reportSources(query, parameters), windowEndOf(query))}
LIMIT {limit:UInt32}`
  return { sql, parameters }
}

/** Start and end of each window that a filled report of the range has. */
export function buildWindowsSql(query: AskedReport): Statement {
  const parameters = { timezone: query.timezone, ...fillParameters(query) }
  const sql = `SELECT w, ${windowEndOf(query)} FROM ${filledWindows(query)}`
  return { sql, parameters }
}

/** Start and end of the window that an hour of UTC lies in, and the start of the one that its last second lies in. */
export function buildHourWindowSql(query: AskedReport, hour: number): Statement {
  const { window, timezone } = query
  const starts = (at: string): string => windowOf(window, `toDateTime(${at}, 'UTC')`)
  const sql = `SELECT w, ${windowEndOf(query)}, last
FROM (SELECT ${starts('{hour:UInt32}')} AS w, ${starts('{hour:UInt32} + 3599')} AS last)`
  return { sql, parameters: { timezone, hour } }
}

function groupNames({ groupBy }: AskedReport): readonly string[] {
  return groupBy.map((_, index) => `g${index}`)
}

/**
 * A row per window and group that has readings; what was retracted altogether leaves none.
 * @param end of the window, where that is wanted behind its start
 */
function sumUp(query: ReportQuery, sources: readonly ReportSource[], end?: string): string {
  const [first] = sources
  const { from, ...source } = first !== undefined && sources.length === 1 ? first : unite(query, sources)
  const { aggregate } = valueForm(query.meter.aggregation)
  const groups = groupNames(query)
  const columns = [
    ...(source.piece === undefined ? [] : [named(source.piece, 'piece')]),
    named(source.window, 'w'),
    ...(end === undefined ? [] : [`${end} AS window_end`]),
    ...groups.map((name, index) => named(source.groups[index] ?? '', name)),
    `sum(${source.count}) AS readings`,
    ...(aggregate ? [`${aggregate(source.part ?? '', source.place ?? '')} AS amount`] : []),
  ]
  const by = [...(source.piece === undefined ? [] : ['piece']), 'w', ...groups]
  return `SELECT ${columns.join(', ')}
FROM ${from}
GROUP BY ${by.join(', ')}
HAVING readings > 0`
}

function named(expression: string, name: string): string {
  return expression === name ? name : `${expression} AS ${name}`
}

/** Several as one. Of what needs the place in time there is never more than one. */
function unite(query: ReportQuery, sources: readonly ReportSource[]): Omit<ReportSource, 'table'> {
  const groups = groupNames(query)
  const selects = sources.map((source) => {
    const columns = [
      ...(source.piece === undefined ? [] : [`${source.piece} AS piece`]),
      `${source.window} AS w`,
      ...groups.map((name, index) => `${source.groups[index]} AS ${name}`),
      `${source.count} AS c`,
      ...(source.part === undefined ? [] : [`${source.part} AS s`]),
    ]
    return `SELECT ${columns.join(', ')}\n  FROM ${source.from}`
  })
  return {
    window: 'w',
    piece: query.grid === undefined ? undefined : 'piece',
    groups,
    count: 'c',
    part: 's',
    place: undefined,
    from: `(\n  ${selects.join('\n  UNION ALL\n  ')}\n)`,
  }
}

/** With a row without readings for each window and group that occurs. */
function fillUp(query: ReportQuery, summed: string, parameters: Parameters): string {
  Object.assign(parameters, fillParameters(query))
  const groups = groupNames(query)
  const by = ['w', ...groups].join(', ')
  const occurring =
    groups.length === 0
      ? ''
      : ` CROSS JOIN (SELECT DISTINCT ${groups.join(', ')} FROM (\n${summed}\n)) AS groups`
  const amount = valueForm(query.meter.aggregation).aggregate !== undefined
  const columns = [
    'w',
    `${windowEndOf(query)} AS window_end`,
    ...groups,
    'readings',
    ...(amount ? ['amount'] : []),
  ]
  return `SELECT ${columns.join(', ')}
FROM (
SELECT ${by}, max(readings) AS readings${amount ? ', any(amount) AS amount' : ''}
FROM (
${summed}
  UNION ALL
  SELECT ${by}, toInt64(0) AS readings${amount ? ', NULL AS amount' : ''} FROM ${filledWindows(query)}${occurring}
)
GROUP BY ${by}
)`
}

function filledWindows(query: AskedReport): string {
  return `(SELECT ${filledWindow(query.window)} AS w FROM numbers(${countWindows(query)}) WHERE w < {fillTo:UInt32}) AS windows`
}

function fillParameters({ fromUs, toUs }: AskedReport): Parameters {
  return { fillFrom: Math.floor(fromUs / 1_000_000), fillTo: Math.ceil(toUs / 1_000_000) }
}

interface SortKey {
  readonly sort: string
  readonly type: string
  readonly descending: boolean
}

function sortKeys(query: ReportQuery): SortKey[] {
  return query.order.flatMap(({ field, descending }): SortKey[] => {
    if (field === 'windowStart') return [{ sort: 'w', type: 'UInt32', descending }]
    if (field === 'value') return valueKeys(query, descending)
    const column = `g${query.groupBy.indexOf(field)}`
    return [{ sort: column, type: 'String', descending }]
  })
}

function valueKeys({ meter }: ReportQuery, descending: boolean): SortKey[] {
  const { sort, zeroWhenEmpty } = valueForm(meter.aggregation)
  const key: SortKey = { sort: sort.key, type: sort.type, descending }
  if (zeroWhenEmpty) return [key]
  // Windows without a reading come last, whichever way the rest goes.
  return [{ sort: '(readings = 0)', type: 'UInt8', descending: false }, key]
}

/** Rows behind the last one of the page before; empty for the first page. */
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
  return alternatives.map((it) => `(${it})`).join(' OR ')
}
