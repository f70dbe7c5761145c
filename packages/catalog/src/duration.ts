/** An ISO 8601 duration. Years and months have no fixed length: they count on the calendar. */
export interface Duration {
  readonly months: number
  readonly milliseconds: number
}

const form = /^P(?!$)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(?:T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$/

export function parseDuration(text: string): Duration | undefined {
  const match = form.exec(text)
  if (match === null) return undefined
  const [years, months, weeks, days, hours, minutes, seconds] = match
    .slice(1)
    .map((part: string | undefined) => Number.parseInt(part ?? '0', 10)) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return {
    months: years * 12 + months,
    milliseconds: ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000,
  }
}

/** Milliseconds of a duration without years and months; undefined for others. */
export function fixedMilliseconds(text: string): number | undefined {
  const duration = parseDuration(text)
  return duration?.months === 0 ? duration.milliseconds : undefined
}

/**
 * The latest time of which `duration` has passed by `timeUs`: `timeUs` minus the duration. A day that the month
 * lacks becomes its last one. Microseconds since 1970-01-01T00:00:00Z.
 */
export function subtractDuration(timeUs: number, duration: Duration): number {
  const shifted = timeUs - duration.milliseconds * 1_000
  if (duration.months === 0) return shifted
  const date = new Date(Math.floor(shifted / 1_000))
  const belowMillisecond = shifted - date.getTime() * 1_000
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() - duration.months)
  const daysOfMonth = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(day, daysOfMonth))
  return date.getTime() * 1_000 + belowMillisecond
}
