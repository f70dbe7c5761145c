// Care that was given, what it is worth, and what became of it: events, settlements and retractions by a seed, and what
// is left of them in the end by the plainest means.
import type { PlainEvent } from '../../../services/query/test/integration/compute-report.ts'

export interface CareEvent {
  readonly id: string
  readonly type: 'care.visit' | 'care.x-ray'
  readonly occurredAtUs: number
  readonly caregiver: string
  readonly ward: string
  /** Decimal text, as it stands in the event's data. */
  readonly minutes: string
  readonly patient: string | number
}

export type Change =
  | { readonly kind: 'settle'; readonly id: string }
  | { readonly kind: 'retract'; readonly id: string; readonly erase: boolean }

/** Events that are sent in one request, then changes of different events, in any order. */
export interface Step {
  readonly events: readonly CareEvent[]
  readonly changes: readonly Change[]
}

export interface Rate {
  readonly effectiveFrom: string
  readonly amountMinor: number
  readonly currency: string
}

export const rates: Readonly<Record<CareEvent['type'], readonly Rate[]>> = {
  'care.visit': [
    { effectiveFrom: '2013-01-01T00:00:00Z', amountMinor: 12_500, currency: 'SEK' },
    { effectiveFrom: '2014-07-01T00:00:00+02:00', amountMinor: 13_999, currency: 'SEK' },
    { effectiveFrom: '2016-01-01T00:00:00Z', amountMinor: 1_450, currency: 'EUR' },
  ],
  'care.x-ray': [
    { effectiveFrom: '2013-06-01T00:00:00Z', amountMinor: 50_000, currency: 'SEK' },
    { effectiveFrom: '2017-10-15T12:00:00.000001Z', amountMinor: 51_237, currency: 'SEK' },
  ],
}

/** The same numbers for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const firstUs = Date.UTC(2013, 0, 1) * 1_000
const spanSeconds = 5 * 365 * 86_400
/** Half of the events in a few busy minutes, so that minutes hold many. */
const busyUs = Date.UTC(2017, 9, 29, 0, 59) * 1_000

export function makeCareEvents(random: () => number, count: number, busy = 0.5): readonly CareEvent[] {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  return Array.from({ length: count }, (_, index) => ({
    id: `c${index}`,
    type: pick(['care.visit', 'care.x-ray'] as const),
    // No two at the same moment: the latest is one.
    occurredAtUs:
      index +
      (random() < busy
        ? busyUs + Math.floor(random() * 180) * 1_000_000
        : firstUs + Math.floor(random() * spanSeconds) * 1_000_000),
    caregiver: String(1 + Math.floor(random() * 6)),
    ward: pick(['a', 'b"\'', '']),
    minutes: pick(['5', '12.5', '-3', '0.000000000000000001', '99999999.99', '30']),
    patient: pick(['p1', 'p2', 'p3', 1, 2, 30]),
  }))
}

/** Sends the events in batches, among them some again, settles some (some twice) and retracts some. */
export function planSteps(
  random: () => number,
  events: readonly CareEvent[],
  batch: number,
): readonly Step[] {
  const steps: Step[] = []
  const sent: CareEvent[] = []
  for (let at = 0; at < events.length; at += batch) {
    const fresh = events.slice(at, at + batch)
    const again = sent.filter(() => random() < 0.02)
    sent.push(...fresh)
    const changes = sent.flatMap(({ id }): Change[] => {
      const chance = random()
      if (chance < 0.06) return [{ kind: 'settle', id }]
      return chance < 0.08 ? [{ kind: 'retract', id, erase: chance < 0.065 }] : []
    })
    steps.push({ events: [...fresh, ...again], changes })
  }
  return steps
}

export interface Fate {
  readonly settled: boolean
  readonly retracted: boolean
}

/** What has become of each event: the first settlement counts unless the event was retracted before it. */
export function settleFates(steps: readonly Step[]): ReadonlyMap<string, Fate> {
  const fates = new Map<string, Fate>()
  for (const { kind, id } of steps.flatMap(({ changes }) => changes)) {
    const fate = fates.get(id) ?? { settled: false, retracted: false }
    if (kind === 'retract') fates.set(id, { ...fate, retracted: true })
    else if (!fate.retracted) fates.set(id, { ...fate, settled: true })
  }
  return fates
}

export function rateOf({ type, occurredAtUs }: CareEvent): Rate | undefined {
  return rates[type].findLast(({ effectiveFrom }) => microseconds(effectiveFrom) <= occurredAtUs)
}

function microseconds(time: string): number {
  const fraction = /\.(\d{6})/.exec(time)?.[1] ?? '000000'
  return Date.parse(time.replace(/\.\d+/, '')) * 1_000 + Number(fraction)
}

/** Dimensions of the meters, in the order of their names. */
export const dimensions = ['caregiver', 'ward'] as const
export const amountDimensions = [...dimensions, 'currency', 'settled'] as const

/** What a meter reads off the events that are left. */
export function readPlainly(
  events: readonly CareEvent[],
  fates: ReadonlyMap<string, Fate>,
  meter: 'minutes' | 'patient' | 'amount',
): readonly PlainEvent[] {
  return events.flatMap((event) => {
    const fate = fates.get(event.id)
    if (fate?.retracted) return []
    const { id, type, occurredAtUs, caregiver, ward } = event
    const plain = { id, type, occurredAtUs, group: [caregiver, ward] }
    if (meter === 'minutes') return [{ ...plain, value: event.minutes }]
    if (meter === 'patient') return [{ ...plain, value: JSON.stringify(event.patient) }]
    const rate = rateOf(event)
    if (rate === undefined) return []
    const group = [...plain.group, rate.currency, String(fate?.settled ?? false)]
    return [{ ...plain, group, value: String(rate.amountMinor) }]
  })
}
