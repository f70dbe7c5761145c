// RFC 9110, section 5.6.7: the preferred form and the two obsolete ones all start with the day's name.
const httpDate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/

/**
 * Reads a `retry-after` header, in seconds or as a date.
 * @returns milliseconds from `nowMs` on, not negative; undefined when it says nothing
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text) * 1_000
  if (!httpDate.test(text)) return undefined
  // The obsolete asctime form names no zone; it is UTC like the others.
  const at = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}
