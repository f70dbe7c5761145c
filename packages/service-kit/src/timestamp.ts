// RFC 3339, section 5.6: T and Z in either case, a leap second as :60. Years before 1000 could not be stored anyway.
const form =
  /^([12]\d{3})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/

/** Times whose windows ClickHouse's calendar functions know: seconds since 1970 in 32 bits. */
const earliestUs = 0
const latestUs = Date.UTC(2106, 0, 1) * 1_000

export const timestampRange = 'from 1970-01-01T00:00:00Z until before 2106-01-01T00:00:00Z'

export function isStorableTime(us: number): boolean {
  return us >= earliestUs && us < latestUs
}

/**
 * Reads an RFC 3339 time; further digits than microseconds are cut off.
 * @returns microseconds since 1970-01-01T00:00:00Z; undefined when it is not one or lies outside `timestampRange`
 */
export function parseTimestamp(text: string): number | undefined {
  const match = form.exec(text)
  if (match === null) return undefined
  const [, year, month, date, hour, minute, second, fraction = '', sign, offsetHour, offsetMinute] = match
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(date))
  // A day that the month does not have rolls over into the next one.
  if (new Date(midnight).getUTCDate() !== Number(date) || Number(month) < 1 || Number(month) > 12)
    return undefined
  const offset =
    sign === undefined
      ? 0
      : (sign === '+' ? 1 : -1) * (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000
  const ms = midnight + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1_000 - offset
  const us = ms * 1_000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
  return isStorableTime(us) ? us : undefined
}

/** RFC 3339 in UTC, with microseconds where there are some. */
export function formatTimestamp(us: number): string {
  const ms = Math.floor(us / 1_000)
  const rest = us - ms * 1_000
  const text = new Date(ms).toISOString()
  return rest === 0 ? text : text.replace('Z', `${String(rest).padStart(3, '0')}Z`)
}
