import { Attempt, Delivery, DeliveryState, Outcome, type ReplayProgress } from '@millrace/proto'
import { deliveriesTopic, deliveryStateTopic, postbacksTopic } from '@millrace/proto/topics'
import type { Message } from '@millrace/service-kit/kafka-consumer'
import type { OutgoingRecord } from '@millrace/service-kit/kafka-producer'
import { nextStep } from './describe-attempt.ts'

/** A delivery in its place in the topic of what is dead, or held. */
export interface KeptRecord {
  /** With the deployment's prefix. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly delivery: Delivery
}

/** What a mark says: the record at that offset is on its way again. */
export interface RedriveMark {
  readonly offset: number
  readonly replay: string
}

const offsetHeader = 'offset'
const replayHeader = 'replay'

export interface RedriveContext {
  readonly prefix: string
  readonly replay: string
  readonly nowUs: number
  /** Next offsets of millrace.catalog and millrace.delivery-state that were not read yet. */
  readonly catalogThrough: number
  readonly stateThrough: number
}

/**
 * Sends a dead or held delivery on its way again, marks its record as done and accounts for it. Together in one
 * transaction: so it is on its way again exactly if nobody will take it up once more.
 */
export function toRedriveMessages(record: KeptRecord, context: RedriveContext): readonly OutgoingRecord[] {
  const { delivery, topic, partition, offset } = record
  const { prefix, replay, catalogThrough, stateThrough } = context
  const again: Delivery = {
    ...delivery,
    steps: nextStep(delivery),
    scheduleBase: delivery.attempts,
    notBeforeUs: 0,
    replay,
    catalogThrough: Math.max(delivery.catalogThrough, catalogThrough),
    stateThrough,
  }
  return [
    message(prefix + postbacksTopic.name, delivery.id, Delivery.encode(again).finish()),
    message(prefix + deliveriesTopic.name, delivery.id, Attempt.encode(toRecord(delivery, context)).finish()),
    {
      topic,
      partition,
      key: delivery.id,
      value: null,
      headers: [{ [offsetHeader]: String(offset) }, { [replayHeader]: replay }],
    },
  ]
}

function toRecord(delivery: Delivery, { replay, nowUs }: RedriveContext): Attempt {
  return {
    tenant: delivery.tenant,
    deliveryId: delivery.id,
    postbackId: delivery.postbackId,
    endpoint: delivery.endpoint,
    number: delivery.attempts,
    outcome: Outcome.REDRIVEN,
    method: '',
    url: '',
    startedAtUs: nowUs,
    durationUs: 0,
    responseCode: 0,
    responseBody: Buffer.alloc(0),
    responseBodyTruncated: false,
    errorCode: '',
    errorDetail: '',
    nextAttemptAtUs: 0,
    acceptedAtUs: delivery.acceptedAtUs,
    traceparent: delivery.traceparent,
    step: nextStep(delivery),
    withoutRequest: true,
    event: delivery.event,
    replay,
  }
}

/** @returns undefined when the message is no mark */
export function readMark({ value, headers }: Pick<Message, 'value' | 'headers'>): RedriveMark | undefined {
  if (value !== null) return undefined
  const texts = new Map<string, string>()
  for (const header of headers ?? []) {
    for (const [name, content] of Object.entries(header)) texts.set(name, String(content))
  }
  const offset = Number(texts.get(offsetHeader))
  return Number.isSafeInteger(offset) ? { offset, replay: texts.get(replayHeader) ?? '' } : undefined
}

/** @param progress undefined ends what the key stood for */
export function progressMessage(
  prefix: string,
  key: string,
  told: { tenant: string; instance: string; nowUs: number; progress: ReplayProgress | undefined },
): OutgoingRecord {
  const topic = prefix + deliveryStateTopic.name
  const { tenant, instance, nowUs, progress } = told
  if (progress === undefined) return { topic, partition: 0, key, value: null }
  const state = {
    tenant,
    instance,
    writtenAtUs: nowUs,
    state: { $case: 'replay', value: progress },
  } as const
  return { topic, partition: 0, key, value: Buffer.from(DeliveryState.encode(state).finish()) }
}

function message(topic: string, key: string, value: Uint8Array): OutgoingRecord {
  return { topic, key, value: Buffer.from(value) }
}
