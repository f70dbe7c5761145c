import type { CloudEventJson } from '../client/mesh-http.ts'

export const eventType = 'care.visit'
export const source = '/chaos'
const firstMs = Date.UTC(2025, 11, 20)
/** The rate changes in the middle of the events' time. */
export const rates = [
  { effectiveFrom: '2025-01-01T00:00:00Z', amountMinor: 12_345, currency: 'SEK' },
  { effectiveFrom: '2026-01-01T00:00:00Z', amountMinor: 20_001, currency: 'SEK' },
] as const
const newRateMs = Date.parse(rates[1].effectiveFrom)
const spreadMinutes = 25 * 24 * 60

export const meters = {
  visits: { eventTypes: [eventType], aggregation: 'count', groupBy: { page: '/data/page' } },
  amounts: {
    eventTypes: [eventType],
    aggregation: 'sum',
    value: '/data/amount',
    groupBy: { page: '/data/page' },
  },
  longest: { eventTypes: [eventType], aggregation: 'max', value: '/data/amount' },
  care: { eventTypes: [eventType], aggregation: 'amount', groupBy: { caregiver: '/subject' } },
} as const

/** The event of a number is always the same one. */
export function chaosEvent(number: number): CloudEventJson {
  return {
    specversion: '1.0',
    id: idOf(number),
    source,
    type: eventType,
    subject: `caregiver-${number % 7}`,
    time: new Date(timeOf(number)).toISOString(),
    data: { page: `/p${number % 13}`, amount: `${number % 1_000}.${String(number % 100).padStart(2, '0')}` },
  }
}

export function idOf(number: number): string {
  return `e-${number}`
}

export const isSettled = (number: number): boolean => number % 101 === 0
export const isRetracted = (number: number): boolean => number % 211 === 0

function timeOf(number: number): number {
  return firstMs + ((number * 7_919) % spreadMinutes) * 60_000 + (number % 60_000)
}

/** Day, caregiver and whether it is settled → minor units, by a plain computation. */
export function expectedLedger(events: number): ReadonlyMap<string, number> {
  const ledger = new Map<string, number>()
  for (let number = 0; number < events; number += 1) {
    if (isRetracted(number)) continue
    const atMs = timeOf(number)
    const day = new Date(atMs).toISOString().slice(0, 10)
    const key = `${day} caregiver-${number % 7} ${isSettled(number)}`
    const amount = rates[atMs < newRateMs ? 0 : 1].amountMinor
    ledger.set(key, (ledger.get(key) ?? 0) + amount)
  }
  return ledger
}
