import { type Attempt, type Delivery, type EventName, Outcome } from '@millrace/proto'
import type { RowBinary } from './row-binary.ts'

/** In the order of `writeAttemptRow` and `writeAcceptanceRow`. */
export const deliveryColumns: readonly string[] = [
  'tenant',
  'delivery_id',
  'postback_id',
  'endpoint',
  'number',
  'outcome',
  'method',
  'url',
  'started_at',
  'duration_us',
  'response_code',
  'response_body',
  'response_body_truncated',
  'error_code',
  'error_detail',
  'next_attempt_at',
  'accepted_at',
  'stored_at',
  'traceparent',
  'step',
  'without_request',
  'event_source',
  'event_id',
  'event_type',
  'replay',
]

const outcomes: Readonly<Record<number, string>> = {
  [Outcome.DELIVERED]: 'delivered',
  [Outcome.RETRY]: 'retry',
  [Outcome.DEAD]: 'dead',
  [Outcome.HELD]: 'held',
  [Outcome.REDRIVEN]: 'redriven',
}

export function writeAttemptRow(row: RowBinary, attempt: Attempt, storedAtUs: number): void {
  row.writeString(attempt.tenant)
  row.writeString(attempt.deliveryId)
  row.writeString(attempt.postbackId)
  row.writeString(attempt.endpoint)
  row.writeUint32(attempt.number)
  row.writeString(outcomes[attempt.outcome] ?? 'unknown')
  row.writeString(attempt.method)
  row.writeString(attempt.url)
  row.writeInt64(attempt.startedAtUs)
  row.writeInt64(attempt.durationUs)
  row.writeUint32(attempt.responseCode)
  row.writeBytes(attempt.responseBody)
  row.writeUint8(attempt.responseBodyTruncated ? 1 : 0)
  row.writeString(attempt.errorCode)
  row.writeString(attempt.errorDetail)
  row.writeInt64(attempt.nextAttemptAtUs)
  row.writeInt64(attempt.acceptedAtUs)
  row.writeInt64(storedAtUs)
  row.writeString(attempt.traceparent)
  row.writeUint32(attempt.step ?? 0)
  row.writeUint8(attempt.withoutRequest === true ? 1 : 0)
  writeEventName(row, attempt.event)
  row.writeString(attempt.replay ?? '')
}

/** Attempt number 0: the delivery was accepted. Its URL still holds the macros. */
export function writeAcceptanceRow(row: RowBinary, delivery: Delivery, storedAtUs: number): void {
  row.writeString(delivery.tenant)
  row.writeString(delivery.id)
  row.writeString(delivery.postbackId)
  row.writeString(delivery.endpoint)
  row.writeUint32(0)
  row.writeString('accepted')
  row.writeString(delivery.request?.method ?? '')
  row.writeString(delivery.request?.url ?? '')
  row.writeInt64(delivery.acceptedAtUs)
  row.writeInt64(0)
  row.writeUint32(0)
  row.writeString('')
  row.writeUint8(0)
  row.writeString('')
  row.writeString('')
  row.writeInt64(delivery.notBeforeUs)
  row.writeInt64(delivery.acceptedAtUs)
  row.writeInt64(storedAtUs)
  row.writeString(delivery.traceparent)
  row.writeUint32(0)
  row.writeUint8(0)
  writeEventName(row, delivery.event)
  row.writeString('')
}

function writeEventName(row: RowBinary, event: EventName | undefined): void {
  row.writeString(event?.source ?? '')
  row.writeString(event?.id ?? '')
  row.writeString(event?.type ?? '')
}
