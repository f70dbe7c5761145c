import type { ReportQuery, WindowName } from './report-query.ts'

/** Windows that `fill` may give to one group. */
export const maxFilledWindows = 100_000

const zone = '{timezone:String}'

function midnight(date: string): string {
  return `toUnixTimestamp(toDateTime(${date}, ${zone}))`
}

/** Start of the window, in seconds. ClickHouse's calendar is the only one: rows and fillings agree by it. */
export function windowOf(window: WindowName, at: string): string {
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
      return midnight(`toStartOfWeek(${at}, 1, ${zone})`)
    case 'month':
      return midnight(`toStartOfMonth(${at}, ${zone})`)
    case 'year':
      return midnight(`toStartOfYear(${at}, ${zone})`)
  }
}

/** End of the window that starts at `w`. In UTC all days are equally long. */
export function windowEndOf({ window, timezone }: Pick<ReportQuery, 'window' | 'timezone'>): string {
  const date = `toDate(toDateTime(w, ${zone}), ${zone})`
  const steady = timezone === 'UTC'
  switch (window) {
    case 'total':
      return 'w'
    case 'minute':
      return 'w + 60'
    case 'hour':
      return 'w + 3600'
    case 'day':
      return steady ? 'w + 86400' : midnight(`${date} + 1`)
    case 'week':
      return steady ? 'w + 604800' : midnight(`${date} + 7`)
    case 'month':
      return midnight(`addMonths(${date}, 1)`)
    case 'year':
      return midnight(`addYears(${date}, 1)`)
  }
}

/** Start of the window with a number, counted from the one that the range starts in. */
export function filledWindow(window: WindowName): string {
  const first = windowOf(window, `toDateTime({fillFrom:UInt32}, 'UTC')`)
  const date = `toDate(toDateTime(${first}, ${zone}), ${zone})`
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
