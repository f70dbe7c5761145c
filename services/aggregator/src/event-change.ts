import type { EventRecord } from '@millrace/proto'
import type { RecordPosition } from './event-rows.ts'

/** What a settlement or a retraction asks for; whether it has an effect is judged when its batch lands. */
export interface EventChange {
  readonly kind: 'settlement' | 'retraction'
  readonly tenant: string
  readonly source: string
  readonly id: string
  /** Of a settlement. */
  readonly reference: string
  readonly settledAtUs: number
  /** Of a retraction: the event's data is erased too. */
  readonly erase: boolean
  readonly receivedAtUs: number
  readonly application: string
  readonly traceparent: string
  /** Patterns that the key is constrained to; empty for anything. */
  readonly allowedEventTypes: readonly string[]
  readonly allowedSubjects: readonly string[]
}

export interface PlacedChange {
  readonly change: EventChange
  readonly position: RecordPosition
  readonly storedAtUs: number
}

/** @returns undefined for what is neither a settlement nor a retraction, or names no event */
export function toEventChange(record: EventRecord['record']): EventChange | undefined {
  if (record?.$case === 'settlement' && record.value.id !== '') {
    return { ...record.value, kind: 'settlement', erase: false }
  }
  if (record?.$case === 'retraction' && record.value.id !== '') {
    return { ...record.value, kind: 'retraction', reference: '', settledAtUs: 0 }
  }
  return undefined
}
