// Windows by the time-zone data of Node: what ClickHouse's windows are compared with.
import type { WindowName } from '../src/report-query.ts'

export type CalendarWindow = Exclude<WindowName, 'total'>

/** Seconds since 1970-01-01T00:00:00Z. */
type Seconds = number

interface CalendarDate {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
}

const formatters = new Map<string, Intl.DateTimeFormat>()

function formatterOf(timezone: string): Intl.DateTimeFormat {
  const known = formatters.get(timezone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formatters.set(timezone, made)
  return made
}

/** The zone's wall clock at an instant, written as if it were UTC. */
function wallClock(instant: Seconds, timezone: string): Seconds {
  const part: Record<string, number> = {}
  for (const { type, value } of formatterOf(timezone).formatToParts(instant * 1_000))
    part[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1_000
}

function localDate(instant: Seconds, timezone: string): CalendarDate {
  const local = new Date(wallClock(instant, timezone) * 1_000)
  return { year: local.getUTCFullYear(), month: local.getUTCMonth() + 1, day: local.getUTCDate() }
}

/** The first instant of a date in a zone: midnight, or where clocks skip midnight the end of the gap. */
function startOfDate(date: CalendarDate, timezone: string): Seconds {
  const midnight = Date.UTC(date.year, date.month - 1, date.day) / 1_000
  const offsets = [-1, 1].map((days) => {
    const near = midnight + days * 86_400
    return wallClock(near, timezone) - near
  })
  const candidates = offsets.map((offset) => midnight - offset).sort((a, b) => a - b)
  const exact = candidates.find((instant) => wallClock(instant, timezone) === midnight)
  return exact ?? endOfGap(midnight, candidates, timezone)
}

function endOfGap(midnight: Seconds, candidates: readonly Seconds[], timezone: string): Seconds {
  let before = (candidates[0] ?? midnight) - 3_600
  let after = (candidates.at(-1) ?? midnight) + 3_600
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (wallClock(middle, timezone) < midnight) before = middle
    else after = middle
  }
  return after
}

/** Start of the window that an instant lies in. Weeks start on Monday. */
export function windowStart(window: CalendarWindow, instant: Seconds, timezone: string): Seconds {
  if (window === 'minute') return instant - (((instant % 60) + 60) % 60)
  if (window === 'hour') {
    const local = wallClock(instant, timezone)
    return instant - (((local % 3_600) + 3_600) % 3_600)
  }
  const date = localDate(instant, timezone)
  if (window === 'day') return startOfDate(date, timezone)
  if (window === 'week') return startOfDate(addDays(date, -weekday(date)), timezone)
  return startOfDate({ year: date.year, month: window === 'month' ? date.month : 1, day: 1 }, timezone)
}

/** End of the window that starts at `start`: the start of the next one. */
export function windowEnd(window: CalendarWindow, start: Seconds, timezone: string): Seconds {
  if (window === 'minute') return start + 60
  if (window === 'hour') return start + 3_600
  const date = localDate(start, timezone)
  if (window === 'day') return startOfDate(addDays(date, 1), timezone)
  if (window === 'week') return startOfDate(addDays(date, 7), timezone)
  if (window === 'year') return startOfDate({ ...date, year: date.year + 1 }, timezone)
  const next =
    date.month === 12 ? { year: date.year + 1, month: 1 } : { year: date.year, month: date.month + 1 }
  return startOfDate({ ...next, day: 1 }, timezone)
}

function addDays({ year, month, day }: CalendarDate, days: number): CalendarDate {
  const moved = new Date(Date.UTC(year, month - 1, day + days))
  return { year: moved.getUTCFullYear(), month: moved.getUTCMonth() + 1, day: moved.getUTCDate() }
}

/** Days since Monday. */
function weekday({ year, month, day }: CalendarDate): number {
  return (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7
}
