import { type TouchedRange, toMinute } from './touches.ts'

/** What a batch's readings touch. It is judged by one catalog, by which a meter has one version. */
export interface TouchedMinutes {
  /** @param meter empty for every meter */
  add(tenant: string, meter: string, version: number, occurredAtUs: number): void
  ranges(): readonly TouchedRange[]
}

interface Span {
  from: number
  to: number
}

interface Touched {
  readonly tenant: string
  readonly meter: string
  readonly version: number
  /** By hour; first and last minute in it. */
  readonly hours: Map<number, Span>
  lastHour: number
  last: Span
}

/** Of one meter; events of a batch that are more scattered are told as the span of all of them. */
const maxRanges = 50

export function createTouchedMinutes(): TouchedMinutes {
  const byMeter = new Map<string, Map<string, Touched>>()
  const find = (tenant: string, meter: string, version: number): Touched => {
    let meters = byMeter.get(tenant)
    if (meters === undefined) {
      meters = new Map()
      byMeter.set(tenant, meters)
    }
    const known = meters.get(meter)
    if (known !== undefined) return known
    const touched = { tenant, meter, version, hours: new Map(), lastHour: -1, last: { from: 0, to: 0 } }
    meters.set(meter, touched)
    return touched
  }
  return {
    add(tenant, meter, version, occurredAtUs) {
      const touched = find(tenant, meter, version)
      const minute = toMinute(occurredAtUs)
      const hour = Math.floor(minute / 60)
      if (hour !== touched.lastHour) {
        touched.last = touched.hours.get(hour) ?? { from: minute, to: minute }
        touched.hours.set(hour, touched.last)
        touched.lastHour = hour
      }
      if (minute < touched.last.from) touched.last.from = minute
      else if (minute > touched.last.to) touched.last.to = minute
    },
    ranges: () => [...byMeter.values()].flatMap((meters) => [...meters.values()].flatMap(toRanges)),
  }
}

function toRanges({ tenant, meter, version, hours }: Touched): readonly TouchedRange[] {
  const spans = [...hours.values()].sort((a, b) => a.from - b.from)
  const joined: Span[] = []
  for (const span of spans) {
    const before = joined.at(-1)
    if (before !== undefined && span.from <= before.to + 1) before.to = span.to
    else joined.push({ ...span })
  }
  const told =
    joined.length <= maxRanges ? joined : [{ from: joined[0]?.from ?? 0, to: joined.at(-1)?.to ?? 0 }]
  return told.map(({ from, to }) => ({ tenant, meter, version, fromMinute: from, toMinute: to + 1 }))
}
