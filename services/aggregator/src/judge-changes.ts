import { matchesPattern } from '@millrace/catalog/key-constraints'
import type { EventChange, PlacedChange } from './event-change.ts'
import type { RecordPosition } from './event-rows.ts'
import type { PreparedMeter } from './prepare-meter.ts'
import { settled } from './take-readings.ts'

/** A reading of a landed event as it stands beside it; the value as a count of 1e-18. */
export interface LandedReading {
  readonly meter: string
  readonly version: number
  readonly group: readonly string[]
  readonly value: bigint | null
}

/** An event that a change may be about. */
export interface LandedEvent {
  readonly status: 'processed' | 'invalid'
  readonly tenant: string
  readonly source: string
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly occurredAtUs: number
  readonly receivedAtUs: number
  /** In the partition that the change came from. */
  readonly offset: number
  readonly index: number
  readonly readings: readonly LandedReading[]
}

/** What had an effect on an event before. */
export interface FormerChange {
  readonly kind: EventChange['kind']
  readonly erased: boolean
  readonly offset: number
  readonly index: number
}

/** What a change adds to the rollup. */
export interface Correction {
  readonly meter: string
  readonly version: number
  readonly group: readonly string[]
  readonly count: number
  readonly value: bigint | null
}

/**
 * `applied`, or why it has no effect: there is no such event (yet), the key may not touch it, an event that is invalid
 * has no amount to settle, one that was retracted neither. A `repeat` changes nothing and leaves no row.
 */
export type ChangeStatus =
  | 'applied'
  | 'unknown-event'
  | 'refused'
  | 'invalid-event'
  | 'retracted-event'
  | 'repeat'

export interface JudgedChange {
  readonly placed: PlacedChange
  readonly status: ChangeStatus
  /** Undefined when there is none. */
  readonly event: LandedEvent | undefined
  readonly corrections: readonly Correction[]
  /** Meters whose rollup is right once the corrections are in. */
  readonly corrected: readonly LandedReading[]
}

type MetersOf = (tenant: string, type: string) => readonly PreparedMeter[]
interface Fate {
  settled: boolean
  retracted: boolean
  erased: boolean
}

/**
 * Decides what settlements and retractions do, in their order. It depends on what landed before them only, so it comes
 * out the same however often a range is taken up.
 * @param events by their names, those of the changes' own batch included
 */
export function judgeChanges(
  changes: readonly PlacedChange[],
  events: readonly LandedEvent[],
  former: readonly FormerChange[],
  metersOf: MetersOf,
): readonly JudgedChange[] {
  const byName = Map.groupBy(events, nameOf)
  const fates = new Map<string, Fate>()
  const fateOf = (event: { offset: number; index: number }): Fate => {
    const key = `${event.offset}:${event.index}`
    const known = fates.get(key) ?? { settled: false, retracted: false, erased: false }
    fates.set(key, known)
    return known
  }
  for (const { kind, erased, ...event } of former) {
    const fate = fateOf(event)
    if (kind === 'settlement') fate.settled = true
    else fate.retracted = true
    fate.erased ||= erased
  }
  return changes.flatMap((placed) => {
    const targets = (byName.get(nameOf(placed.change)) ?? []).filter((event) =>
      isBefore(event, placed.position),
    )
    if (targets.length === 0) return [without('unknown-event', placed, undefined)]
    return targets.map((event) => {
      const judged = judge(placed, event, fateOf(event), metersOf(event.tenant, event.type))
      if (judged.status === 'applied') note(placed.change, fateOf(event))
      return judged
    })
  })
}

function nameOf({ tenant, source, id }: { tenant: string; source: string; id: string }): string {
  return JSON.stringify([tenant, source, id])
}

function isBefore(event: LandedEvent, { offset, index }: RecordPosition): boolean {
  return event.offset < offset || (event.offset === offset && event.index < index)
}

function without(status: ChangeStatus, placed: PlacedChange, event: LandedEvent | undefined): JudgedChange {
  return { placed, status, event, corrections: [], corrected: [] }
}

function note({ kind, erase }: EventChange, fate: Fate): void {
  if (kind === 'settlement') fate.settled = true
  else fate.retracted = true
  fate.erased ||= erase
}

function judge(
  placed: PlacedChange,
  event: LandedEvent,
  fate: Fate,
  meters: readonly PreparedMeter[],
): JudgedChange {
  const { change } = placed
  if (!isAllowed(change, event)) return without('refused', placed, undefined)
  const isAmount = (reading: LandedReading): boolean =>
    meters.some(
      ({ name, version, input }) =>
        input === 'amount' && name === reading.meter && version === reading.version,
    )
  if (change.kind === 'settlement') {
    if (event.status === 'invalid') return without('invalid-event', placed, event)
    if (fate.retracted) return without('retracted-event', placed, event)
    if (fate.settled) return without('repeat', placed, event)
    const corrected = event.readings.filter(isAmount)
    const corrections = corrected.flatMap((reading) => [takeAway(reading), add(toSettled(reading))])
    return { placed, status: 'applied', event, corrections, corrected }
  }
  if (fate.retracted && (!change.erase || fate.erased)) return without('repeat', placed, event)
  // What was retracted before and is erased now has been taken away already.
  const taken = fate.retracted ? [] : event.readings
  const corrections = taken.map((reading) =>
    takeAway(fate.settled && isAmount(reading) ? toSettled(reading) : reading),
  )
  return { placed, status: 'applied', event, corrections, corrected: event.readings }
}

/** As the keys' own check does it: an event without subject matches the pattern * only. */
function isAllowed({ allowedEventTypes, allowedSubjects }: EventChange, event: LandedEvent): boolean {
  const some = (patterns: readonly string[], text: string): boolean =>
    patterns.length === 0 || patterns.some((pattern) => matchesPattern(pattern, text))
  return some(allowedEventTypes, event.type) && some(allowedSubjects, event.subject)
}

function takeAway({ meter, version, group, value }: LandedReading): Correction {
  return { meter, version, group, count: -1, value: value === null ? null : -value }
}

function add({ meter, version, group, value }: LandedReading): Correction {
  return { meter, version, group, count: 1, value }
}

/** Amounts have that as the last of their groups. */
function toSettled(reading: LandedReading): LandedReading {
  return { ...reading, group: [...reading.group.slice(0, -1), settled] }
}
