import { needsEvents, subjectCondition } from './report-access.ts'
import { unrolledChanges } from './report-changes.ts'
import type { ReportQuery } from './report-query.ts'
import { windowOf } from './report-windows.ts'
import type { Parameters } from './statement.ts'

export const ofMeter = 'tenant = {tenant:String} AND meter = {meter:String} AND version = {version:UInt64}'

export function micros(name: string): string {
  return `fromUnixTimestamp64Micro({${name}:Int64}, 'UTC')`
}

export function seconds(name: string): string {
  return `toDateTime({${name}:UInt32}, 'UTC')`
}

/** Minutes, or what they are rounded to, with a change of an event that did not go into the meter's rollup. */
export function unrolledTimes(
  query: ReportQuery,
  parameters: Parameters,
  round: 'toStartOfMinute' | 'toStartOfHour' | 'toStartOfDay' = 'toStartOfMinute',
): string {
  return `SELECT ${round}(toDateTime(occurred_at, 'UTC')) FROM event_changes
      WHERE ${unrolledChanges(query.meter, parameters)}
        AND occurred_at >= ${seconds('minutesFrom')} AND occurred_at < ${seconds('minutesTo')}`
}

export function windowColumns({ window, grid }: ReportQuery, at: string): string {
  const piece = grid === undefined ? '' : `, intDiv(toUnixTimestamp(${at}), {grid:UInt32}) AS piece`
  return `${windowOf(window, at)} AS w${piece}`
}

export function groupColumns({ meter, groupBy }: ReportQuery, array: string): string {
  return groupBy
    .map((name, index) => `, ${array}[${meter.dimensions.indexOf(name) + 1}] AS g${index}`)
    .join('')
}

/** What the caller filters by, and what its key restricts it to where the groups hold the subject. */
export function groupConditions(
  { meter, access, filter }: ReportQuery,
  array: string,
  parameters: Parameters,
): string {
  const element = (dimension: string): string => `${array}[${meter.dimensions.indexOf(dimension) + 1}]`
  const asked = filter.map(({ dimension, values }, index) => {
    const parts = cutList(values).map((part, number) => {
      const name = `filter${index}_${number}`
      parameters[name] = part
      return `${element(dimension)} IN {${name}:Array(String)}`
    })
    return ` AND (${parts.join(' OR ')})`
  })
  const { subjectDimension } = meter
  const ofKey =
    subjectDimension === undefined || needsEvents(meter, access)
      ? ''
      : subjectCondition(element(subjectDimension), access.subjects, parameters)
  return asked.join('') + ofKey
}

/** ClickHouse takes parameters of up to 128 KiB; escaped, a text is at most twice as long. */
const longestListBytes = 40_000

function cutList(values: readonly string[]): readonly (readonly string[])[] {
  const lists: string[][] = [[]]
  let bytes = 0
  for (const value of values) {
    const own = Buffer.byteLength(value) + 4
    if (bytes + own > longestListBytes && bytes > 0) {
      lists.push([])
      bytes = 0
    }
    lists.at(-1)?.push(value)
    bytes += own
  }
  return lists
}
