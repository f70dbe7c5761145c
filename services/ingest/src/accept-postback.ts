import { Delivery } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import type { Postback } from './read-postback.ts'

export interface AcceptedPostback {
  readonly id: string
  readonly deliveries: readonly { readonly id: string }[]
}

/** Who asked for it, and when. */
export interface PostbackReception {
  readonly tenant: string
  readonly application: string
  /** Microseconds since 1970. */
  readonly receivedAtUs: number
  readonly traceparent: string
}

export type AcceptPostback = (postback: Postback, reception: PostbackReception) => Promise<AcceptedPostback>

export interface AcceptPostbackDeps {
  readonly send: (message: OutgoingMessage) => Promise<number>
  /** Why messages of so many bytes would wait too long for Kafka now. */
  readonly overload: (bytes: number) => ServiceError | undefined
  readonly newId: () => string
}

export interface AcceptPostbackConfig {
  /** Full name of the topic. */
  readonly topic: string
  readonly maxEventBytes: number
  readonly maxUnconfirmedBytes: number
}

/** How long an attempt may take; postbacks have no setting for it. */
const timeoutMs = 10_000

/**
 * Makes one delivery of each data object and answers once Kafka has confirmed all of them. A crash, or a 503, may
 * leave some of them written: they are delivered, and a repeat of the request makes new ones.
 */
export function createAcceptPostback(deps: AcceptPostbackDeps, config: AcceptPostbackConfig): AcceptPostback {
  return async (postback, reception) => {
    const id = `pb_${deps.newId()}`
    checkVolume(postback, config.maxUnconfirmedBytes / 2)
    const messages = postback.data.map((data) =>
      toMessage(config.topic, { ...newDelivery(postback, reception, id), id: `dl_${deps.newId()}`, data }),
    )
    const large = messages.findIndex(({ value }) => value.length > config.maxEventBytes)
    if (large !== -1) throw tooLarge(large, config.maxEventBytes)
    const total = messages.reduce((sum, { value }) => sum + value.length, 0)
    const refused = deps.overload(total)
    if (refused !== undefined) throw refused
    await Promise.all(messages.map((message) => deps.send(message)))
    return { id, deliveries: messages.map(({ key }) => ({ id: key })) }
  }
}

function newDelivery(
  postback: Postback,
  reception: PostbackReception,
  postbackId: string,
): Omit<Delivery, 'id' | 'data'> {
  return {
    tenant: reception.tenant,
    postbackId,
    endpoint: '',
    request: postback.request,
    retry: postback.retry,
    acceptedAtUs: reception.receivedAtUs,
    catalogThrough: 0,
    attempts: 0,
    notBeforeUs: 0,
    traceparent: reception.traceparent,
    application: reception.application,
    timeoutMs,
  }
}

function toMessage(topic: string, delivery: Delivery): OutgoingMessage & { key: string } {
  return { topic, key: delivery.id, value: Buffer.from(Delivery.encode(delivery).finish()) }
}

/** Each delivery repeats the request's template: a large one times many data objects is more than was sent. */
function checkVolume({ request, data }: Postback, maxBytes: number): void {
  const template = JSON.stringify(request).length
  if (template * data.length <= maxBytes) return
  throw new ServiceError(
    'too-large',
    'The template is too large for so many data objects. Send fewer at a time.',
  )
}

function tooLarge(index: number, maxBytes: number): ServiceError {
  const detail = `A delivery has at most ${maxBytes} bytes, its template included.`
  return new ServiceError('too-large', `Nothing was accepted: ${detail}`, {
    faults: [{ pointer: `/data/${index}`, detail }],
  })
}
