import type { Event, EventRecord } from '@millrace/proto'
import { windowEnd, windowStart } from '../../services/query/test/calendar.ts'
import { type CareEvent, createRandom, rateOf } from '../test/money/care.ts'

export const timezone = 'Europe/Stockholm'
export const firstMs = Date.UTC(2013, 0, 1)
export const lastMs = Date.UTC(2018, 0, 1)

/** Starts of the months from `firstMs` on, in the ledger's zone: microseconds. */
const monthStarts: number[] = []
for (let at = windowStart('month', firstMs / 1_000, timezone); at * 1_000 < lastMs; ) {
  monthStarts.push(at * 1_000_000)
  at = windowEnd('month', at, timezone)
}

/** Care by its number: always the same, so that nothing of it has to be kept. */
export interface Care {
  readonly event: CareEvent
  readonly settled: boolean
  readonly retracted: boolean
  /** Retracted after it was settled, or before: then it never is. */
  readonly settledFirst: boolean
}

export function careOf(index: number): Care {
  const random = createRandom(index * 2_654_435_761)
  random()
  const retracted = random() < 0.02
  return {
    event: {
      id: `care-${index}`,
      type: random() < 0.5 ? 'care.visit' : 'care.x-ray',
      occurredAtUs: (firstMs + Math.floor(random() * (lastMs - firstMs))) * 1_000 + (index % 1_000),
      caregiver: String(1 + Math.floor(random() * 20)),
      ward: '',
      minutes: '5',
      patient: index,
    },
    settled: random() < 0.4,
    retracted,
    settledFirst: random() < 0.5,
  }
}

const named = (id: string) => ({
  tenant: 'default',
  source: '/care',
  id,
  receivedAtUs: Date.now() * 1_000,
  application: 'ledger',
  traceparent: '',
})
const unconstrained = { allowedEventTypes: [], allowedSubjects: [] }

export function toEvent({ event }: Care): Event {
  return {
    ...named(event.id),
    type: event.type,
    subject: event.caregiver,
    occurredAtUs: event.occurredAtUs,
    dataContentType: 'application/json',
    dataSchema: '',
    data: Buffer.from('{"minutes":5}'),
    extensions: {},
    backfill: false,
  }
}

/** In the order in which they are sent; a settlement comes twice now and then. */
export function toChanges({ event, settled, retracted, settledFirst }: Care): readonly EventRecord[] {
  const settlement: EventRecord = {
    record: {
      $case: 'settlement',
      value: { ...named(event.id), ...unconstrained, reference: 'run', settledAtUs: event.occurredAtUs },
    },
  }
  const retraction: EventRecord = {
    record: { $case: 'retraction', value: { ...named(event.id), ...unconstrained, erase: false } },
  }
  const settlements = settled ? (event.caregiver === '7' ? [settlement, settlement] : [settlement]) : []
  if (!retracted) return settlements
  return settledFirst ? [...settlements, retraction] : [retraction, ...settlements]
}

/** Sums by "month start|caregiver|currency|settled", in minor units. */
export type Ledger = Map<string, bigint>

/** The plain computation: what is left of the event goes into its month. */
export function addToLedger(ledger: Ledger, { event, settled, retracted }: Care): void {
  const rate = rateOf(event)
  if (retracted || rate === undefined) return
  const month = monthStarts.findLast((start) => start <= event.occurredAtUs) ?? 0
  const key = ledgerKey(month / 1_000, event.caregiver, rate.currency, String(settled))
  ledger.set(key, (ledger.get(key) ?? 0n) + BigInt(rate.amountMinor))
}

export function ledgerKey(monthMs: number, caregiver: string, currency: string, settled: string): string {
  return `${new Date(monthMs).toISOString()}|${caregiver}|${currency}|${settled}`
}
