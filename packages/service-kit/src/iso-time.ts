let minute = Number.NaN
let prefix = ''

/**
 * RFC 3339 with milliseconds, as `toISOString` writes it, which costs several times as much. For times that mostly lie in the
 * same minute.
 * @param ms since 1970, whole
 */
export function isoTime(ms: number): string {
  const its = Math.floor(ms / 60_000)
  if (its !== minute) {
    prefix = new Date(ms).toISOString().slice(0, 17)
    minute = its
  }
  const within = ms - its * 60_000
  const seconds = Math.floor(within / 1_000)
  const milliseconds = within - seconds * 1_000
  return `${prefix}${seconds < 10 ? '0' : ''}${seconds}.${milliseconds < 10 ? '00' : milliseconds < 100 ? '0' : ''}${milliseconds}Z`
}
