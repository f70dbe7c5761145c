import type { ReportQuery, WindowName } from './report-query.ts'
import { valueForm } from './report-values.ts'
import { windowOf } from './report-windows.ts'
import {
  groupConditions,
  keyColumns,
  ofMeter,
  type ReportSource,
  seconds,
  unrolledTimes,
} from './source-columns.ts'
import type { Parameters } from './statement.ts'

/** Whole minutes; in seconds. */
export interface Minutes {
  readonly from: number
  readonly to: number
}

const hour = 3_600
const day = 86_400

/** Whole hours or days of UTC within a range, and which of them cannot be taken as a whole. */
interface Level {
  readonly from: number
  readonly to: number
  /** Sets of those that two windows share, or that hold a minute which the rollup does not have right. */
  readonly split: readonly string[]
}

/**
 * Whole minutes of a range from the coarsest rollups that fit: days of UTC that lie in one window, the hours of the rest
 * that lie in one window, the minutes of what is left then. Which days and hours two windows share ClickHouse finds out
 * by the same calendar that it cuts windows by: midnight in Kolkata splits an hour, a month's begin in Stockholm a day.
 */
export function rollupSources(
  query: ReportQuery,
  minutes: Minutes,
  parameters: Parameters,
): readonly ReportSource[] {
  parameters.minutesFrom = minutes.from
  parameters.minutesTo = minutes.to
  const hours = usesHours(query) ? levelOf(query, minutes, hour, parameters) : undefined
  const days = usesDays(query) ? levelOf(query, minutes, day, parameters) : undefined
  const conditions = {
    days: days && [inLevel('day', 'days'), ...whole('day', days)],
    hours: hours && [
      inLevel('hour', 'hours'),
      ...besides('hour', 'toStartOfDay', days, 'days'),
      ...whole('hour', hours),
    ],
    minutes: [
      inLevel('minute', 'minutes'),
      ...besides('minute', 'toStartOfHour', hours, 'hours'),
      ...(query.changes.unrolled ? [`minute NOT IN (${unrolledTimes(query, parameters)})`] : []),
    ],
  }
  const source = (
    table: ReportSource['table'],
    column: string,
    of: readonly string[] | undefined,
  ): readonly ReportSource[] => (of === undefined ? [] : [sourceOf(query, table, column, of, parameters)])
  return [
    ...source('meter_days', 'day', conditions.days),
    ...source('meter_hours', 'hour', leavesNothing(hours, days) ? undefined : conditions.hours),
    ...source('meter_minutes', 'minute', leavesNothing(minutes, hours) ? undefined : conditions.minutes),
  ]
}

/** The coarser level has all of the range. */
function leavesNothing(range: Minutes | undefined, level: Level | undefined): boolean {
  return (
    level !== undefined && level.split.length === 0 && level.from === range?.from && level.to === range.to
  )
}

function usesHours({ window, splits, grid = day }: ReportQuery): boolean {
  return window !== 'minute' && splits?.allHours !== true && grid >= hour
}

/** In most zones every day of UTC is shared by two days. */
function usesDays({ window, timezone, grid = day, withoutDays }: ReportQuery): boolean {
  if (withoutDays) return false
  const coarse = window === 'week' || window === 'month' || window === 'year' || window === 'total'
  return (coarse || (window === 'day' && timezone === 'UTC')) && grid >= day
}

function levelOf(
  query: ReportQuery,
  minutes: Minutes,
  length: number,
  parameters: Parameters,
): Level | undefined {
  const from = Math.ceil(minutes.from / length) * length
  const to = Math.floor(minutes.to / length) * length
  if (from >= to) return undefined
  const name = length === day ? 'days' : 'hours'
  parameters[`${name}From`] = from
  parameters[`${name}To`] = to
  const unrolled = length === day ? 'toStartOfDay' : 'toStartOfHour'
  const split = [
    ...sharedSet(query, name, { from, to }, parameters),
    ...(query.changes.unrolled ? [`(${unrolledTimes(query, parameters, unrolled)})`] : []),
  ]
  return { from, to, split }
}

/** The set of those that two windows share: as a list where it is known, else as a question. */
function sharedSet(
  query: ReportQuery,
  name: 'days' | 'hours',
  { from, to }: Minutes,
  parameters: Parameters,
): readonly string[] {
  if (query.window === 'total' || query.timezone === 'UTC') return []
  if (query.splits === undefined) return [`(${sharedTimes(query.window, name)})`]
  const within = query.splits[name].filter((time) => time >= from && time < to)
  if (within.length === 0) return []
  parameters[`${name}Split`] = within.map((time) =>
    new Date(time * 1_000).toISOString().slice(0, 19).replace('T', ' '),
  )
  return [`{${name}Split:Array(DateTime('UTC'))}`]
}

/**
 * SELECT of the days or hours from {<name>From} to {<name>To} of which two windows have a part. An hour that is shared lies
 * in a day that is.
 */
export function sharedTimes(window: WindowName, name: 'days' | 'hours'): string {
  const starts = (at: string, length: number): string =>
    `${windowOf(window, at)} != ${windowOf(window, `${at} + ${length - 1}`)}`
  const firstDay = `intDiv({${name}From:UInt32}, ${day})`
  const days = `SELECT toDateTime((${firstDay} + number) * ${day}, 'UTC') AS day
      FROM numbers(intDiv({${name}To:UInt32}, ${day}) - ${firstDay} + 1) WHERE ${starts('day', day)}`
  if (name === 'days') return days
  const first = window === 'hour' ? days.replace(/ WHERE .*$/s, '') : days
  return `SELECT day + arrayJoin(range(24)) * ${hour} AS hour FROM (${first}) WHERE ${starts('hour', hour)}`
}

function inLevel(column: string, name: string): string {
  return `${column} >= ${seconds(`${name}From`)} AND ${column} < ${seconds(`${name}To`)}`
}

function whole(column: string, { split }: Level): string[] {
  return split.map((set) => `${column} NOT IN ${set}`)
}

/** What the coarser level leaves. */
function besides(column: string, round: string, level: Level | undefined, name: string): string[] {
  if (level === undefined) return []
  const outside = `${column} < ${seconds(`${name}From`)} OR ${column} >= ${seconds(`${name}To`)}`
  return [`(${[outside, ...level.split.map((set) => `${round}(${column}) IN ${set}`)].join(' OR ')})`]
}

function sourceOf(
  query: ReportQuery,
  table: ReportSource['table'],
  column: string,
  conditions: readonly string[],
  parameters: Parameters,
): ReportSource {
  return {
    table,
    ...keyColumns(query, column, '`group`'),
    count: 'count',
    part: valueForm(query.meter.aggregation).ofMinute,
    place: undefined,
    from: `${table}
  WHERE ${ofMeter}
    AND ${conditions.join('\n    AND ')}${groupConditions(query, '`group`', parameters)}`,
  }
}
