import { Attempt, Delivery, Outcome, type RequestTemplate } from '@millrace/proto'
import { encodeMessage } from '@millrace/proto/encode-message'
import {
  deadTopic,
  deliveriesTopic,
  parkedTopic,
  postbacksTopic,
  type RetryTier,
  retryTopic,
  type TopicDescription,
} from '@millrace/proto/topics'
import { isoTime } from '@millrace/service-kit/iso-time'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import { maxTransactionalMessageBytes } from '@millrace/service-kit/kafka-transactional-producer'
import type { SendResult } from './exchange.ts'
import type { Verdict } from './judge-response.ts'
import type { RenderedRequest } from './render-request.ts'

/** An attempt that has been made and judged, or what was decided without one. */
export interface Judged {
  /** False when its endpoint is held or gone: there was no request, and it does not count as an attempt. */
  readonly attempted: boolean
  readonly template: RequestTemplate | undefined
  readonly request: RenderedRequest | undefined
  readonly traceparent: string
  readonly startedMs: number
  readonly durationMs: number
  readonly result: SendResult
  readonly verdict: Verdict
  /** When the next one is due, and where it waits; undefined when there is none. */
  readonly next: { readonly atMs: number; readonly tier: RetryTier } | undefined
}

const outcomes = {
  delivered: Outcome.DELIVERED,
  retry: Outcome.RETRY,
  dead: Outcome.DEAD,
  held: Outcome.HELD,
} as const satisfies Record<Verdict, Outcome>

/** Where a delivery that is not tried again is kept for a replay. */
const keptIn: Partial<Record<Verdict, TopicDescription>> = { dead: deadTopic, held: parkedTopic }

/** Without its key and framing, which take less than what is left. */
const maxValueBytes = maxTransactionalMessageBytes - 10_000
const maxTextLength = 4_096

/**
 * The record of the attempt, and what follows from it: the delivery's next record, or its last. All of them can be
 * written: what cannot would hold up its partition for ever. So an attempt that is too large loses its response's
 * body and the ends of its texts, and a delivery that is too large to be passed on ends with this attempt, which says so.
 */
export function toMessages(delivery: Delivery, judged: Judged, prefix: string): readonly OutgoingMessage[] {
  const attempt = toAttempt(delivery, judged)
  const next = nextMessage(delivery, judged, prefix)
  if (next === undefined) return [attemptMessage(attempt, prefix)]
  if (next.value.length <= maxValueBytes) return [attemptMessage(attempt, prefix), next]
  const last = { ...attempt, outcome: Outcome.DEAD, nextAttemptAtUs: 0, ...tooLarge(attempt) }
  return [attemptMessage(last, prefix)]
}

function nextMessage(delivery: Delivery, judged: Judged, prefix: string): OutgoingMessage | undefined {
  const made = {
    ...delivery,
    attempts: attemptNumber(delivery, judged),
    steps: nextStep(delivery),
    putOff: undefined,
  }
  if (judged.next !== undefined)
    return tierMessage({ ...made, notBeforeUs: judged.next.atMs * 1_000 }, judged.next.tier, prefix)
  const last = keptIn[judged.verdict]
  return last && deliveryMessage({ ...made, notBeforeUs: 0 }, prefix + last.name)
}

function tooLarge({ errorCode, errorDetail }: Attempt): Pick<Attempt, 'errorCode' | 'errorDetail'> {
  const detail = 'the delivery is too large to be kept for later'
  return {
    errorCode: errorCode || 'too-large',
    errorDetail: errorDetail === '' ? detail : `${detail}; ${errorDetail}`,
  }
}

function attemptMessage(attempt: Attempt, prefix: string): OutgoingMessage {
  let value = encodeMessage(Attempt, attempt)
  if (value.length > maxValueBytes) {
    value = encodeMessage(Attempt, {
      ...attempt,
      url: attempt.url.slice(0, maxTextLength),
      errorDetail: attempt.errorDetail.slice(0, maxTextLength),
      responseBody: Buffer.alloc(0),
      responseBodyTruncated: attempt.responseBodyTruncated || attempt.responseBody.length > 0,
    })
  }
  return { topic: prefix + deliveriesTopic.name, key: attempt.deliveryId, value }
}

/** The record with which a delivery waits in a tier. */
export function tierMessage(delivery: Delivery, tier: RetryTier, prefix: string): OutgoingMessage {
  return deliveryMessage(delivery, prefix + retryTopic(tier).name)
}

/** The record with which a delivery goes to a partition of millrace.postbacks. */
export function homeMessage(delivery: Delivery, partition: number, prefix: string): OutgoingMessage {
  return { ...deliveryMessage(delivery, prefix + postbacksTopic.name), partition }
}

function deliveryMessage(delivery: Delivery, topic: string): OutgoingMessage {
  return { topic, key: delivery.id, value: encodeMessage(Delivery, delivery) }
}

function toAttempt(delivery: Delivery, judged: Judged): Attempt {
  const { request, result } = judged
  return {
    tenant: delivery.tenant,
    deliveryId: delivery.id,
    postbackId: delivery.postbackId,
    endpoint: delivery.endpoint,
    number: attemptNumber(delivery, judged),
    outcome: outcomes[judged.verdict],
    method: request?.method ?? judged.template?.method ?? '',
    url: request === undefined ? (judged.template?.url ?? '') : request.origin + request.target,
    startedAtUs: judged.startedMs * 1_000,
    durationUs: Math.round(judged.durationMs * 1_000),
    responseCode: result.statusCode,
    responseBody: result.body,
    responseBodyTruncated: result.bodyTruncated,
    errorCode: result.failure?.code ?? '',
    errorDetail: result.failure?.detail ?? '',
    nextAttemptAtUs: (judged.next?.atMs ?? 0) * 1_000,
    acceptedAtUs: delivery.acceptedAtUs,
    traceparent: judged.traceparent,
    step: nextStep(delivery),
    withoutRequest: !judged.attempted,
    event: delivery.event,
  }
}

/** Deliveries of before there were steps have none: each of their attempts was one. */
export function nextStep({ steps, attempts }: Delivery): number {
  return Math.max(steps ?? 0, attempts) + 1
}

function attemptNumber({ attempts }: Delivery, { attempted }: Judged): number {
  return attempted ? attempts + 1 : attempts
}

/**
 * What the log says of it: one line.
 * @param outcome its verdict, or what has become of it otherwise
 */
export function toLogFields(
  delivery: Delivery,
  judged: Judged,
  outcome: string = judged.verdict,
): Readonly<Record<string, unknown>> {
  const { request, result } = judged
  return {
    deliveryId: delivery.id,
    postbackId: delivery.postbackId,
    tenant: delivery.tenant,
    endpoint: delivery.endpoint,
    attempt: attemptNumber(delivery, judged),
    outcome,
    method: judged.template?.method,
    // Without the query: it carries the data.
    url: request && request.origin + request.pathname,
    startedAt: isoTime(judged.startedMs),
    durationMs: Math.round(judged.durationMs * 10) / 10,
    responseCode: result.statusCode,
    responseBody: result.body.toString('utf8'),
    responseBodyTruncated: result.bodyTruncated,
    errorCode: result.failure?.code,
    errorDetail: result.failure?.detail,
    nextAttemptAt: judged.next && new Date(judged.next.atMs).toISOString(),
    traceparent: judged.traceparent,
  }
}
