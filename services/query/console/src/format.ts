const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const precise = new Intl.NumberFormat('en', { maximumFractionDigits: 3 })
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const full = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'medium',
  timeZone: undefined,
} as Intl.DateTimeFormatOptions)

export const none = '–'

export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined) return none
  return Number.isInteger(value) ? whole.format(value) : precise.format(value)
}

/** For axes and small places. */
export function formatShort(value: number | null | undefined): string {
  if (value === null || value === undefined) return none
  return Math.abs(value) < 10_000 ? formatNumber(value) : compact.format(value)
}

/** Decimal text with all its digits, grouped by thousands. */
export function formatExact(text: string | null): string {
  if (text === null) return none
  const match = /^(-?)(\d+)(\.\d+)?$/.exec(text)
  if (match === null) return text
  const [, sign, digits = '', fraction = ''] = match
  return `${sign === '-' ? '−' : ''}${digits.replace(/\B(?=(\d{3})+$)/g, ',')}${fraction}`
}

export function formatClock(ms: number): string {
  return clock.format(ms)
}

/** The clock alone for today. */
export function formatMoment(time: string): string {
  const ms = Date.parse(time)
  const today = new Date(ms).toDateString() === new Date().toDateString()
  return today ? clock.format(ms) : `${day.format(ms)}, ${clock.format(ms).slice(0, 5)}`
}

export function formatFull(time: string): string {
  return full.format(Date.parse(time))
}

export function formatSpan(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = seconds / 60
  if (minutes < 90) return `${Math.round(minutes)} min`
  const hours = minutes / 60
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`
}

/** One dimension speaks for itself, several are named. */
export function formatGroup(group: Readonly<Record<string, string>>): string {
  const members = Object.entries(group)
  const text = (value: string): string => (value === '' ? '(none)' : value)
  if (members.length === 0) return 'all'
  return members.length === 1
    ? text(members[0]?.[1] ?? '')
    : members.map(([, value]) => text(value)).join(' · ')
}

export function plural(count: number, word: string): string {
  return `${formatNumber(count)} ${word}${count === 1 ? '' : 's'}`
}
