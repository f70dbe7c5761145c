import type { Replay } from '@millrace/catalog/replay-resource'
import type { CatalogEntry } from '@millrace/catalog/resources'
import type { Delivery } from '@millrace/proto'
import { deadTopic, parkedTopic } from '@millrace/proto/topics'
import { parseTimestamp } from '@millrace/service-kit/timestamp'

/** A replay of deliveries as it stands in the catalog. */
export type DeliveryReplay = CatalogEntry<Replay & { readonly what: 'deliveries' }>

export function isOfDeliveries(entry: CatalogEntry): entry is DeliveryReplay {
  return (entry.body as Replay).what === 'deliveries'
}

const statusTopics = { held: parkedTopic.name, dead: deadTopic.name } as const

/** Where what a replay asks for is kept; without the deployment's prefix. */
export function topicsOf({ body }: DeliveryReplay): readonly string[] {
  const { status } = body.filter
  return status === undefined ? Object.values(statusTopics) : [statusTopics[status]]
}

/** Whether it is to leave nothing of what one endpoint's hold, or its being disabled, has kept back. */
export function isRelease({ body: { filter } }: DeliveryReplay): boolean {
  return filter.status === 'held' && filter.endpoint !== undefined
}

/** Whether a replay takes up a delivery that is dead or held. */
export function createSelection({ tenant, name, body }: DeliveryReplay): (delivery: Delivery) => boolean {
  const { endpoint, postback, eventType, ids, from, to } = body.filter
  const wanted = ids && new Set(ids)
  const fromUs = readTime(from) ?? Number.NEGATIVE_INFINITY
  const toUs = readTime(to) ?? Number.POSITIVE_INFINITY
  const constrained = body.constraints !== undefined
  return (delivery) =>
    delivery.tenant === tenant &&
    // It failed again since, or its endpoint is held still: once per replay is enough.
    delivery.replay !== name &&
    (endpoint === undefined || delivery.endpoint === endpoint) &&
    (postback === undefined || delivery.postbackId === postback) &&
    (eventType === undefined || delivery.event?.type === eventType) &&
    (wanted === undefined || wanted.has(delivery.id)) &&
    delivery.acceptedAtUs >= fromUs &&
    delivery.acceptedAtUs < toUs &&
    // What endpoints get are events, and the key may not have to do with all of them: as for reading deliveries.
    (!constrained || delivery.endpoint === '')
}

function readTime(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseTimestamp(text)
}
