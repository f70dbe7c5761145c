import type { CatalogStore } from '@millrace/catalog/catalog-store'
import { Delivery } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { kafkaNotReached } from '@millrace/service-kit/kafka-not-reached'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { AcceptedPostback, PostbackReception } from './accept-postback.ts'
import type { GuardedSend } from './guard-send.ts'

export interface TestEndpointDeps extends GuardedSend {
  /** Undefined while Kafka has not been reached yet. */
  readonly catalog: () => Pick<CatalogStore, 'endpoint'> | undefined
  /** Next offset of millrace.catalog to come. */
  readonly catalogPosition: () => number
  readonly newId: () => string
}

/**
 * Sends an endpoint an event that nobody sent, as a delivery like any other, whatever its event types and filter say.
 * Resolves once Kafka has confirmed it.
 * @throws {ServiceError} `not-found`, `conflict` when the endpoint is disabled, `unavailable`
 */
export type TestEndpoint = (name: string, reception: PostbackReception) => Promise<AcceptedPostback>

const testEventType = 'millrace.endpoint.test'

/** @param topic full name of the topic of deliveries */
export function createTestEndpoint(deps: TestEndpointDeps, topic: string): TestEndpoint {
  return async (name, reception) => {
    const catalog = deps.catalog()
    if (catalog === undefined) {
      throw kafkaNotReached()
    }
    const endpoint = catalog.endpoint(reception.tenant, name)?.body
    if (endpoint === undefined) throw new ServiceError('not-found', `There is no endpoint named ${name}.`)
    if (endpoint.enabled === false) {
      throw new ServiceError('conflict', 'The endpoint is disabled: nothing is sent to it. Enable it first.')
    }
    const delivery = toDelivery(deps, name, reception)
    const value = Buffer.from(Delivery.encode(delivery).finish())
    const overload = deps.overload(value.length)
    if (overload !== undefined) throw overload
    await deps.send({ topic, key: delivery.id, value })
    return { id: delivery.id, deliveries: [{ id: delivery.id }] }
  }
}

function toDelivery(
  { newId, catalogPosition }: TestEndpointDeps,
  name: string,
  { tenant, application, receivedAtUs, traceparent }: PostbackReception,
): Delivery {
  const event = {
    specversion: '1.0',
    id: newId(),
    source: `/millrace/endpoints/${name}`,
    type: testEventType,
    time: formatTimestamp(receivedAtUs),
    datacontenttype: 'application/json',
    data: { endpoint: name, message: 'This is a test: nothing has happened.' },
  }
  return {
    tenant,
    id: `dl_${newId()}`,
    postbackId: '',
    endpoint: name,
    request: undefined,
    data: Buffer.from(JSON.stringify(event)),
    retry: undefined,
    acceptedAtUs: receivedAtUs,
    attempts: 0,
    notBeforeUs: 0,
    traceparent,
    application,
    timeoutMs: 0,
    catalogThrough: catalogPosition(),
  }
}
