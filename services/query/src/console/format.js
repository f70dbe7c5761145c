const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const fine = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 })
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const clockMinutes = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

export function formatNumber(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–'
  if (Math.abs(value) >= 10_000_000) return compact.format(value)
  return Number.isInteger(value) || Math.abs(value) >= 10_000 ? whole.format(value) : fine.format(value)
}

/** Rates are read at a glance: one decimal only where it matters. */
export function formatRate(value) {
  if (value === null || value === undefined) return '–'
  return value >= 10 || value === 0 ? formatNumber(Math.round(value)) : String(Math.round(value * 10) / 10)
}

export function formatClock(ms) {
  return clock.format(ms)
}

export function formatClockMinutes(ms) {
  return clockMinutes.format(ms)
}

/** Today's times by the clock, others by the day. */
export function formatMoment(ms) {
  const sameDay = new Date(ms).toDateString() === new Date().toDateString()
  return sameDay ? clock.format(ms) : `${day.format(ms)}, ${clockMinutes.format(ms)}`
}

export function formatSpan(ms) {
  const seconds = Math.max(0, ms) / 1_000
  if (seconds < 1) return 'less than a second'
  if (seconds < 90) return `${Math.round(seconds)} second${Math.round(seconds) === 1 ? '' : 's'}`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} minutes`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`
}

/** One dimension speaks for itself, several are named. */
export function formatGroup(group) {
  const members = Object.entries(group)
  const text = (value) => (value === '' ? '(none)' : value)
  return members.length === 1
    ? text(members[0][1])
    : members.map(([name, value]) => `${name} ${text(value)}`).join(' · ')
}
