/** Wall-clock time in a zone, without its offset: what a calendar on the wall shows. */
export interface WallTime {
  readonly year: number
  /** 1 to 12; others roll over, as days do. */
  readonly month: number
  readonly day: number
  readonly hour?: number
  readonly minute?: number
}

const formatters = new Map<string, Intl.DateTimeFormat>()

function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  formatters.set(zone, made)
  return made
}

export function isZone(zone: string): boolean {
  try {
    formatterOf(zone)
    return true
  } catch {
    return false
  }
}

export function toWall(ms: number, zone: string): Required<WallTime> {
  const parts = Object.fromEntries(
    formatterOf(zone)
      .formatToParts(ms)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0 } = parts
  return { year, month, day, hour, minute }
}

/** The instant at which the zone's clocks show it; of an hour that comes twice, the first one or the second. */
export function fromWall({ year, month, day, hour = 0, minute = 0 }: WallTime, zone: string): number {
  const asUtc = Date.UTC(year, month - 1, day, hour, minute)
  const offsetAt = (ms: number): number => {
    const wall = toWall(ms, zone)
    return (
      Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute) - Math.floor(ms / 60_000) * 60_000
    )
  }
  // The second time with the offset that holds there: the first guess may lie beyond a shift of the clocks.
  const guess = asUtc - offsetAt(asUtc)
  return asUtc - offsetAt(guess)
}

/** For datetime-local fields. */
export function toField(time: string | undefined, zone: string): string {
  if (time === undefined || Number.isNaN(Date.parse(time))) return ''
  const { year, month, day, hour, minute } = toWall(Date.parse(time), zone)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}`
}

/** RFC 3339 of what a datetime-local field holds; undefined when it is empty. */
export function fromField(text: string, zone: string): string | undefined {
  const [, year, month, day, hour, minute] = /^(\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(text) ?? []
  if (year === undefined) return undefined
  const wall = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
  }
  return new Date(fromWall(wall, zone)).toISOString()
}
