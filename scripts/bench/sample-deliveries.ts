import { randomUUID } from 'node:crypto'
import { Delivery } from '@millrace/proto'
import { postbacksTopic } from '@millrace/proto/topics'
import { readConfig } from '@millrace/service-kit/config'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'

/**
 * About 300 bytes of JSON.
 * @param sentAtMs from which its time is to count; left out where it is not looked at
 */
export function deliveryBody(index: number, sentAtMs?: number): string {
  return JSON.stringify({
    sentAtMs,
    order: `order-${index}`,
    customer: `customer-${index % 977}`,
    amount: 1_999 + (index % 100),
    currency: 'SEK',
    lines: [
      { sku: `sku-${index % 31}`, quantity: 2 },
      { sku: 'sku-gift', quantity: 1 },
    ],
    note: 'left with a neighbour, who was asked to sign for it and did so gladly, twice; no further questions',
    page: '/orders/confirmed',
  })
}

export interface SampleDelivery {
  readonly url: string
  readonly body: string
  readonly tenant?: string
  /** Waits before further attempts; none leaves the default. */
  readonly delaysMs?: readonly number[]
  readonly timeoutMs?: number
}

export function toDelivery({
  url,
  body,
  tenant = 'default',
  delaysMs,
  timeoutMs = 0,
}: SampleDelivery): Delivery {
  return {
    tenant,
    id: `dl_${randomUUID()}`,
    postbackId: 'pb_bench',
    endpoint: '',
    request: {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      body: undefined,
      defaults: {},
    },
    data: Buffer.from(body),
    retry: {
      preset: delaysMs === undefined ? 'webhook' : '',
      delaysMs: [...(delaysMs ?? [])],
      only5xx: false,
    },
    acceptedAtUs: Date.now() * 1_000,
    attempts: 0,
    notBeforeUs: 0,
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    application: 'bench',
    timeoutMs,
    catalogThrough: 0,
  }
}

export interface DeliveryRequester {
  /** Resolves once Kafka has it, as ingest's answer does. */
  request(delivery: Delivery): Promise<unknown>
  stop(): Promise<void>
}

/** Writes deliveries to millrace.postbacks in ingest's place. */
export async function openDeliveryRequester(
  bootstrapServers: string,
  prefix = '',
): Promise<DeliveryRequester> {
  const producer = await connectKafkaProducer(
    readConfig(kafkaSettings, { KAFKA_BROKERS: bootstrapServers }),
    { clientId: 'bench', deliveryTimeoutMs: 300_000, lingerMs: 2, maxUnconfirmedBytes: 512 * 1024 * 1024 },
    createLogger('bench', 'warn'),
  )
  return {
    request: (delivery) =>
      producer.send({
        topic: prefix + postbacksTopic.name,
        key: delivery.id,
        value: Buffer.from(Delivery.encode(delivery).finish()),
      }),
    stop: () => producer.stop(10_000),
  }
}
