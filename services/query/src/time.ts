import { parseTimestamp } from '@millrace/service-kit/timestamp'

/** Times inside the service are microseconds since 1970-01-01T00:00:00Z: exact in a number until the year 2255. */
export type Microseconds = number

/**
 * Reads an RFC 3339 time. In query strings an unescaped "+" arrives as a blank: it counts as the plus that was meant.
 * @returns undefined when the text is no such time
 */
export function parseTime(text: string): Microseconds | undefined {
  return parseTimestamp(text.replace(/ (?=\d\d:\d\d$)/, '+'))
}

export function nowUs(): Microseconds {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000)
}

/** Milliseconds of a clock that nobody sets, for how long something has lasted. */
export function steadyMs(): number {
  return performance.now()
}
