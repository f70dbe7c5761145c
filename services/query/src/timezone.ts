/** Zones that were asked for: Intl takes longer than all other checks of a report. There are some 600, in any case of letters. */
const known = new Set<string>()
const maxKnown = 1_000

/** Whether a name is an IANA time zone by Intl; offsets such as "+01:00" are none. */
export function isTimezone(name: string): boolean {
  if (known.has(name)) return true
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    if (known.size < maxKnown) known.add(name)
    return true
  } catch {
    return false
  }
}
