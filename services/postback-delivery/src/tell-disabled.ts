import { setTimeout as delay } from 'node:timers/promises'
import type { CatalogStore } from '@millrace/catalog/catalog-store'
import type { CatalogWriter } from '@millrace/catalog/catalog-writer'
import type { Disabled, StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import { type Event, EventBatch } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import { eventsTopic } from '@millrace/proto/topics'
import { ServiceError } from '@millrace/service-kit/errors'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import type { Logger } from '@millrace/service-kit/log'
import { parseTimestamp } from '@millrace/service-kit/timestamp'
import { writtenBy } from './disable-endpoint.ts'

export interface EndpointName {
  readonly tenant: string
  readonly name: string
}

/** Appends an event for each endpoint that Millrace has disabled. */
export interface DisabledTeller {
  tell(endpoint: EndpointName): void
  /** Goes on with what another process was killed before. */
  tellRest(): void
  stop(): void
}

export interface DisabledTellerDeps {
  readonly catalog: Pick<CatalogStore, 'endpoint' | 'all'>
  readonly write: CatalogWriter['write']
  /** Resolves once Kafka has it. */
  readonly send: (message: OutgoingMessage) => Promise<unknown>
  /** Next offset of millrace.catalog to come. */
  readonly catalogPosition: () => number
  /** Partitions of millrace.events. */
  readonly eventPartitions: () => number
  readonly logger: Logger
}

const disabledEventType = 'millrace.endpoint.disabled'
const source = '/millrace/postback-delivery'
const retryMs = 5_000

/**
 * First the event, then the note in the catalog that it has been told; not in one transaction, since its marker would
 * stand at the end of a partition of millrace.events as a record that nobody ever reads. A crash between the two tells it
 * again, under the same id, by which it counts once.
 */
export function createDisabledTeller(
  deps: DisabledTellerDeps,
  { kafkaTopicPrefix }: { readonly kafkaTopicPrefix: string },
): DisabledTeller {
  const stopping = new AbortController()
  const tell = async ({ tenant, name }: EndpointName): Promise<void> => {
    const disabled = deps.catalog.endpoint(tenant, name)?.body.disabled
    if (disabled === undefined || disabled.told) return
    const event = toEvent(tenant, name, disabled)
    const records = [{ record: { $case: 'event' as const, value: event } }]
    const value = EventBatch.encode({ records, catalogThrough: deps.catalogPosition() }).finish()
    const partition = eventPartition(event, deps.eventPartitions())
    await deps.send({ topic: kafkaTopicPrefix + eventsTopic.name, partition, value: Buffer.from(value) })
    await deps.write({
      ...{ tenant, kind: 'endpoint', name, application: writtenBy, body: undefined },
      change: (existing) => markTold(existing as StoredEndpoint | undefined, disabled),
    })
  }
  const untilTold = async (endpoint: EndpointName): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        return await tell(endpoint)
      } catch (error) {
        if (error instanceof ServiceError && error.code === 'not-found') return
        deps.logger.warn({ ...endpoint, err: error }, 'disabled endpoint cannot be told of yet')
        await pause(stopping.signal)
      }
    }
  }
  return {
    tell: (endpoint) => void untilTold(endpoint),
    tellRest() {
      for (const { tenant, name, body } of deps.catalog.all('endpoint')) {
        const { disabled } = body as StoredEndpoint
        if (disabled !== undefined && !disabled.told) void untilTold({ tenant, name })
      }
    },
    stop: () => stopping.abort(),
  }
}

function pause(signal: AbortSignal): Promise<void> {
  return delay(retryMs, undefined, { signal, ref: false }).catch(() => undefined)
}

/** Somebody may have enabled it meanwhile. */
function markTold(existing: StoredEndpoint | undefined, disabled: Disabled): StoredEndpoint {
  if (existing === undefined) throw new ServiceError('not-found', 'The endpoint was deleted.')
  if (existing.disabled?.at !== disabled.at) return existing
  return { ...existing, disabled: { ...existing.disabled, told: true } }
}

/** Its id follows from what is in the catalog. */
function toEvent(tenant: string, name: string, { at, reason }: Disabled): Event {
  const atUs = parseTimestamp(at) ?? 0
  return {
    tenant,
    source,
    id: `${name}/${at}`,
    type: disabledEventType,
    subject: name,
    occurredAtUs: atUs,
    receivedAtUs: atUs,
    dataContentType: 'application/json',
    dataSchema: '',
    data: Buffer.from(JSON.stringify({ endpoint: name, disabledAt: at, reason })),
    extensions: {},
    traceparent: '',
    application: writtenBy,
    backfill: false,
  }
}
