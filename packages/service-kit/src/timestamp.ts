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
  return parseUtc(text) ?? parseAny(text)
}

/**
 * The form that nearly all senders use, 2026-01-31T12:00:00Z with or without a fraction, at a fraction of the pattern's
 * cost: every event has a time. Undefined for everything else, which is then for the pattern to judge.
 */
function parseUtc(text: string): number | undefined {
  const last = text.length - 1
  if (last < 19 || text.charCodeAt(last) !== 0x5a || text.charCodeAt(10) !== 0x54) return undefined
  if (text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d) return undefined
  if (text.charCodeAt(13) !== 0x3a || text.charCodeAt(16) !== 0x3a) return undefined
  const year = readDigits(text, 0, 4)
  const month = readDigits(text, 5, 7)
  const date = readDigits(text, 8, 10)
  const hour = readDigits(text, 11, 13)
  const minute = readDigits(text, 14, 16)
  const second = readDigits(text, 17, 19)
  // No digits are NaN, which is in no range. A day that only some months have is for the pattern.
  if (!(year >= 1970 && year < 2106 && month >= 1 && month <= 12 && date >= 1 && date <= 28)) return undefined
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined
  let fractionUs = 0
  if (last > 19) {
    if (text.charCodeAt(19) !== 0x2e || last > 26 || last === 20) return undefined
    fractionUs = readDigits(text, 20, last) * (powersOf10[26 - last] ?? 1)
    if (Number.isNaN(fractionUs)) return undefined
  }
  return (dayOf(year, month, date) + ((hour * 60 + minute) * 60 + second) * 1_000) * 1_000 + fractionUs
}

/** Most times are of the same day as the one before. */
const lastDay = { name: 0, ms: 0 }

function dayOf(year: number, month: number, date: number): number {
  const name = (year * 12 + month) * 31 + date
  if (lastDay.name !== name) {
    lastDay.ms = Date.UTC(year, month - 1, date)
    lastDay.name = name
  }
  return lastDay.ms
}

const powersOf10 = [1, 10, 100, 1_000, 10_000, 100_000]

function readDigits(text: string, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at += 1) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

function parseAny(text: string): number | undefined {
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
