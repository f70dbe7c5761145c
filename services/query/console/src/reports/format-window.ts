const styles: Readonly<Record<string, Intl.DateTimeFormatOptions>> = {
  minute: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  hour: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  day: { weekday: 'short', day: 'numeric', month: 'short' },
  week: { day: 'numeric', month: 'short', year: 'numeric' },
  month: { month: 'short', year: 'numeric' },
  year: { year: 'numeric' },
}

const made = new Map<string, Intl.DateTimeFormat>()

/** The begin of a window as the report's zone calls it. */
export function formatWindow(start: string, window: string, timeZone: string): string {
  const key = `${window} ${timeZone}`
  const format = made.get(key) ?? new Intl.DateTimeFormat('en-GB', { timeZone, ...styles[window] })
  made.set(key, format)
  return format.format(Date.parse(start))
}
