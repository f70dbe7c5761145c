/**
 * Every topic of the mesh, described once: what its messages are, how they are keyed and how long they stay.
 * Services create what is missing at start; an existing topic stays as it is, and only other
 * partitions are reported: its retention, cleanup and timestamps are the operator's to keep.
 */
export interface TopicDescription {
  /** Without the deployment's prefix. */
  readonly name: string
  /** Protobuf message of the values. */
  readonly message: 'EventBatch' | 'CatalogRecord' | 'Delivery' | 'Attempt' | 'KeyUsage' | 'DeliveryState'
  /** What decides the partition. */
  readonly key: string
  /** How many partitions: always one, or as many as the deployment configures for this family of topics. */
  readonly partitions: 1 | 'events' | 'postbacks'
  readonly cleanup: 'delete' | 'compact'
  /** Milliseconds; undefined for compacted topics. */
  readonly retentionMs?: number
  /** Bytes of a segment: what is written often and read from its beginning has to be compacted often. */
  readonly segmentBytes?: number
  /** Milliseconds after which a new segment file begins: what is older goes only a whole segment at a time. */
  readonly segmentMs?: number
  /** Milliseconds that every version of a record stays, of compacted topics. */
  readonly compactionLagMs?: number
  /** Messages carry the time at which the broker appended them, not the producer's. */
  readonly appendTime?: true
}

const dayMs = 24 * 60 * 60 * 1000

export const eventsTopic: TopicDescription = {
  name: 'millrace.events',
  message: 'EventBatch',
  key: 'the partition is chosen by a hash of tenant, source and id; packed messages carry no key',
  partitions: 'events',
  cleanup: 'delete',
  retentionMs: 7 * dayMs,
  segmentMs: dayMs,
  appendTime: true,
}

/**
 * How long after its writing a record of millrace.events is gone from Kafka for certain: its segment takes records for
 * `segmentMs` and stays until the last of them is `retentionMs` old; brokers look every few minutes, and delete a
 * minute later.
 */
export const eventsGoneAfterMs = 8 * dayMs + 60 * 60 * 1000

/** Consumer group of the aggregators on `eventsTopic`: what is before its committed offsets is stored. */
export const storingGroup = 'millrace-aggregator'

export const catalogTopic: TopicDescription = {
  name: 'millrace.catalog',
  message: 'CatalogRecord',
  key: '<tenant>/<kind>/<name>',
  partitions: 1,
  cleanup: 'compact',
  // Longer than any event stays: whoever reads events again finds the catalog as it was then.
  compactionLagMs: 15 * dayMs,
}

export const postbacksTopic: TopicDescription = {
  name: 'millrace.postbacks',
  message: 'Delivery',
  key: 'delivery id',
  partitions: 'postbacks',
  cleanup: 'delete',
  retentionMs: 7 * dayMs,
}

export interface RetryTier {
  /** Suffix of the topic's name. */
  readonly label: string
  readonly delayMs: number
}

/** Fixed delays between an attempt and the next: a constant delay keeps each partition ordered by due time. */
export const retryTiers: readonly RetryTier[] = [
  { label: '1s', delayMs: 1_000 },
  { label: '5s', delayMs: 5_000 },
  { label: '30s', delayMs: 30_000 },
  { label: '2m', delayMs: 120_000 },
  { label: '5m', delayMs: 300_000 },
  { label: '15m', delayMs: 900_000 },
  { label: '30m', delayMs: 1_800_000 },
  { label: '2h', delayMs: 7_200_000 },
  { label: '5h', delayMs: 18_000_000 },
  { label: '10h', delayMs: 36_000_000 },
]

export function retryTopic(tier: RetryTier): TopicDescription {
  return { ...postbacksTopic, name: `millrace.postbacks.retry.${tier.label}` }
}

/** How long a dead or a held delivery can be replayed. */
const keptMs = 30 * dayMs

/**
 * Held deliveries. A message without a value, here and in `deadTopic`, is the mark that a replay has taken up the one
 * at the offset that its header `offset` names.
 */
export const parkedTopic: TopicDescription = {
  ...postbacksTopic,
  name: 'millrace.postbacks.parked',
  retentionMs: keptMs,
}

export const deadTopic: TopicDescription = {
  ...postbacksTopic,
  name: 'millrace.postbacks.dead',
  retentionMs: keptMs,
}

export const deliveriesTopic: TopicDescription = {
  name: 'millrace.deliveries',
  message: 'Attempt',
  key: 'delivery id',
  partitions: 'postbacks',
  cleanup: 'delete',
  retentionMs: 7 * dayMs,
}

export const usageTopic: TopicDescription = {
  name: 'millrace.usage',
  message: 'KeyUsage',
  key: '<tenant>/<key id>',
  partitions: 1,
  cleanup: 'compact',
  segmentBytes: 16 * 1024 * 1024,
}

export const deliveryStateTopic: TopicDescription = {
  name: 'millrace.delivery-state',
  message: 'DeliveryState',
  key: 'what it is about: breaker/…, probe/…, instance/…, hold/…, replay/…',
  partitions: 1,
  cleanup: 'compact',
  segmentBytes: 16 * 1024 * 1024,
}

export const topics: readonly TopicDescription[] = [
  eventsTopic,
  catalogTopic,
  postbacksTopic,
  ...retryTiers.map(retryTopic),
  parkedTopic,
  deadTopic,
  deliveriesTopic,
  usageTopic,
  deliveryStateTopic,
]
