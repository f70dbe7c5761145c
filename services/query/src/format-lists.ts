import { isUtf8 } from 'node:buffer'
import { isJsonMediaType } from '@millrace/catalog/media-type'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { StoredAttempt, StoredDelivery, StoredPostback, StoredTransition } from './delivery.ts'
import type { StoredEvent } from './list-events.ts'
import type { DeliverySummary } from './summarize-deliveries.ts'

/** JSON text of an event: the CloudEvent as it was sent, its data byte for byte, and what became of it. */
export function formatEvent(stored: StoredEvent): string {
  const event = formatCloudEvent(stored)
  const fate = JSON.stringify({
    status: stored.status,
    ...(stored.status === 'invalid' && { reason: stored.reason, pointer: stored.pointer }),
    receivedAt: formatTimestamp(stored.receivedAtUs),
    storedAt: formatTimestamp(stored.storedAtUs),
    application: stored.application,
    schemaVersion: stored.schemaVersion,
    ...formatChanges(stored.changes),
  })
  return `{"event":${event},${fate.slice(1)}`
}

function formatChanges({ settlement, retraction }: StoredEvent['changes']): object {
  return {
    ...(settlement !== undefined && {
      settlement: {
        reference: settlement.reference,
        settledAt: formatTimestamp(settlement.settledAtUs),
        by: settlement.by,
      },
    }),
    ...(retraction !== undefined && {
      retraction: {
        retractedAt: formatTimestamp(retraction.retractedAtUs),
        by: retraction.by,
        erased: retraction.erased,
      },
    }),
  }
}

function formatCloudEvent(stored: StoredEvent): string {
  const attributes = JSON.stringify({
    specversion: '1.0',
    id: stored.id,
    source: stored.source,
    type: stored.type,
    ...(stored.subject !== '' && { subject: stored.subject }),
    time: formatTimestamp(stored.occurredAtUs),
    ...(stored.dataContentType !== '' && { datacontenttype: stored.dataContentType }),
    ...(stored.dataSchema !== '' && { dataschema: stored.dataSchema }),
    ...stored.extensions,
  })
  if (stored.data.length === 0) return attributes
  return `${attributes.slice(0, -1)},${formatData(stored)}}`
}

function formatData({ data, dataContentType }: StoredEvent): string {
  if (isJsonMediaType(dataContentType)) {
    const text = data.toString()
    if (isJson(text)) return `"data":${text}`
  } else if (/^text\//i.test(dataContentType) && isUtf8(data)) {
    return `"data":${JSON.stringify(data.toString())}`
  }
  return `"data_base64":"${data.toString('base64')}"`
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

export function formatList(name: string, items: readonly string[], nextCursor: string | undefined): string {
  const next = nextCursor === undefined ? '' : `,"nextCursor":${JSON.stringify(nextCursor)}`
  return `{"${name}":[${items.join(',')}]${next}}`
}

export function formatDelivery(delivery: StoredDelivery, bodies: boolean): string {
  return JSON.stringify(toDeliveryJson(delivery, bodies))
}

export function formatPostback({ id, status, counts, deliveries }: StoredPostback): string {
  return JSON.stringify({ id, status, counts, deliveries: deliveries.map((it) => toDeliveryJson(it, false)) })
}

export function formatSummary({ fromUs, toUs, endpoints }: DeliverySummary): string {
  return JSON.stringify({
    from: formatTimestamp(fromUs),
    to: formatTimestamp(toUs),
    endpoints: endpoints.map(({ endpoint, durationMs, ...counts }) => ({
      ...(endpoint !== '' && { endpoint }),
      ...counts,
      ...(durationMs !== undefined && {
        successRate: Math.round((counts.delivered / counts.requests) * 10_000) / 10_000,
        durationMs,
      }),
    })),
  })
}

function toDeliveryJson(delivery: StoredDelivery, bodies: boolean) {
  return {
    id: delivery.id,
    ...(delivery.postbackId !== '' && { postbackId: delivery.postbackId }),
    ...(delivery.endpoint !== '' && { endpoint: delivery.endpoint }),
    ...(delivery.event !== undefined && { event: delivery.event }),
    status: delivery.status,
    acceptedAt: formatTimestamp(delivery.acceptedAtUs),
    attempts: delivery.attempts.map((attempt) => toAttemptJson(attempt, bodies)),
    ...(delivery.transitions.length > 0 && { transitions: delivery.transitions.map(toTransitionJson) }),
  }
}

function toTransitionJson({ to, atUs, reason, replay }: StoredTransition) {
  return {
    to,
    at: formatTimestamp(atUs),
    ...(reason !== '' && { reason }),
    ...(replay !== '' && { replay }),
  }
}

function toAttemptJson(attempt: StoredAttempt, bodies: boolean) {
  return {
    number: attempt.number,
    outcome: attempt.outcome,
    method: attempt.method,
    url: attempt.url,
    startedAt: formatTimestamp(attempt.startedAtUs),
    durationMs: attempt.durationUs / 1_000,
    ...(attempt.responseCode !== 0 && { responseCode: attempt.responseCode }),
    ...(bodies && {
      responseBody: attempt.responseBody.toString(),
      responseBodyTruncated: attempt.responseBodyTruncated,
    }),
    ...(attempt.errorCode !== '' && { errorCode: attempt.errorCode, errorDetail: attempt.errorDetail }),
    ...(attempt.nextAttemptAtUs > 0 && { nextAttemptAt: formatTimestamp(attempt.nextAttemptAtUs) }),
  }
}
