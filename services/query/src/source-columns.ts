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

/** What a report adds up, as expressions over what it is read from. */
export interface ReportSource {
  readonly table: 'meter_days' | 'meter_hours' | 'meter_minutes' | 'meter_readings' | 'events'
  /** Start of the window, in seconds. */
  readonly window: string
  /** Number of the cell, where the report has a grid. */
  readonly piece: string | undefined
  /** In the order of the query's `groupBy`. */
  readonly groups: readonly string[]
  /** How many readings a row stands for. */
  readonly count: string
  /** What it brings to the value; undefined for meters that only count. */
  readonly part: string | undefined
  /** Place in time, where order matters. */
  readonly place: string | undefined
  /** Behind FROM, conditions included. */
  readonly from: string
}

/** @param at column of the moment that decides on the window, `groups` that of the group's values */
export function keyColumns(
  { meter, groupBy, window, grid }: ReportQuery,
  at: string,
  groups: string,
): Pick<ReportSource, 'window' | 'piece' | 'groups'> {
  return {
    window: windowOf(window, at),
    piece: grid === undefined ? undefined : `intDiv(toUnixTimestamp(${at}), {grid:UInt32})`,
    groups: groupBy.map((name) => `${groups}[${meter.dimensions.indexOf(name) + 1}]`),
  }
}

/** What the caller filters by, and what its key restricts it to where the groups hold the subject. */
export function groupConditions(
  { meter, access, filter }: ReportQuery,
  array: string,
  parameters: Parameters,
): string {
  const element = (dimension: string): string => `${array}[${meter.dimensions.indexOf(dimension) + 1}]`
  const asked = filter.map(({ dimension, values }, index) => {
    if (values.length === 1) {
      parameters[`filter${index}`] = values[0] as string
      return ` AND ${element(dimension)} = {filter${index}:String}`
    }
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
