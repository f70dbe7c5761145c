import { Delivery } from '@millrace/proto'
import { postbacksTopic } from '@millrace/proto/topics'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import { maxTransactionalMessageBytes } from '@millrace/service-kit/kafka-transactional-producer'
import { toMessages } from './describe-attempt.ts'
import type { MadeDelivery, Place } from './fan-out.ts'
import type { RecentEvents } from './recent-events.ts'
import type { SubscriptionMetrics } from './subscription-metrics.ts'
import { writePlace } from './subscription-start.ts'
import type { SubscriptionWriter } from './subscription-writer.ts'

/** A partition of millrace.events while it is this instance's. */
export interface EventsPartition {
  readonly topic: string
  readonly partition: number
  /** Offset of the first message that is not done. */
  next: number
  /** What of that message is done. */
  after: Place | undefined
  readonly recent: RecentEvents
  /** It goes to somebody else: what is not committed is theirs. */
  leaving: boolean
}

/** Gathers what goes into one transaction. */
export interface SubscriptionBatch {
  /** A delivery of the message at `offset`; writes when there is enough. */
  add(partition: EventsPartition, offset: number, made: MadeDelivery): Promise<void>
  /** The message is done. */
  end(partition: EventsPartition, offset: number): void
  /** Writes what there is. */
  flush(): Promise<void>
}

interface Gathered {
  readonly partition: EventsPartition
  readonly message: OutgoingMessage
  readonly acceptedAtUs: number
}

/** Without its key and framing, which take less than what is left. */
const maxValueBytes = maxTransactionalMessageBytes - 10_000
const maxDeliveries = 5_000
const maxBytes = 8 * 1024 * 1024
/** Positions alone are written now and then: what has no deliveries can just be read again. */
const positionsEveryMs = 1_000

export function createSubscriptionBatch(
  deps: {
    readonly write: SubscriptionWriter['write']
    readonly metrics: Pick<SubscriptionMetrics, 'deliveries' | 'delaySeconds'>
    readonly now: () => number
  },
  { kafkaTopicPrefix }: { kafkaTopicPrefix: string },
): SubscriptionBatch {
  let gathered: Gathered[] = []
  let bytes = 0
  let moved = new Set<EventsPartition>()
  let writtenAtMs = deps.now()

  const flush = async (): Promise<void> => {
    const due = gathered.length > 0 || deps.now() - writtenAtMs >= positionsEveryMs
    if (!due) return
    // What is somebody else's by now they read from what is committed.
    const partitions = [...moved].filter(({ leaving }) => !leaving)
    const made = gathered.filter(({ partition }) => !partition.leaving)
    gathered = []
    bytes = 0
    moved = new Set()
    writtenAtMs = deps.now()
    if (partitions.length === 0) return
    const isOwner = (): boolean => partitions.every(({ leaving }) => !leaving)
    const messages = made.map(({ message }) => message)
    if (await deps.write(messages, partitions.map(toPosition), isOwner)) count(made)
  }
  const count = (made: readonly Gathered[]): void => {
    deps.metrics.deliveries.inc(made.length)
    const nowMs = deps.now()
    for (const { acceptedAtUs } of made) {
      deps.metrics.delaySeconds.observe(Math.max(0, nowMs / 1_000 - acceptedAtUs / 1_000_000))
    }
  }
  return {
    async add(partition, offset, { delivery, place }) {
      const message = toMessage(delivery, deps.now(), kafkaTopicPrefix)
      gathered.push({ partition, message, acceptedAtUs: delivery.acceptedAtUs })
      bytes += message.value.length
      partition.next = offset
      partition.after = place
      moved.add(partition)
      if (gathered.length >= maxDeliveries || bytes >= maxBytes) await flush()
    },
    end(partition, offset) {
      partition.next = offset + 1
      partition.after = undefined
      moved.add(partition)
    },
    flush,
  }
}

/** Between two transactions of one message the metadata says how far it is done. */
function toPosition({ topic, partition, next, after }: EventsPartition) {
  return { topic, partition, offset: next, metadata: writePlace(after) }
}

/**
 * Its record in millrace.postbacks. An event that grows beyond what a message of Kafka takes (binary data does, by a
 * third) can never be sent: then that it is dead, and why.
 */
function toMessage(delivery: Delivery, nowMs: number, prefix: string): OutgoingMessage {
  const value = Buffer.from(Delivery.encode(delivery).finish())
  if (value.length <= maxValueBytes) {
    return { topic: prefix + postbacksTopic.name, key: delivery.id, value }
  }
  const result = {
    statusCode: 0,
    retryAfter: undefined,
    body: Buffer.alloc(0),
    bodyTruncated: false,
    failure: undefined,
  }
  const judged = {
    attempted: false,
    template: undefined,
    request: undefined,
    next: undefined,
    verdict: 'dead',
  } as const
  const [record] = toMessages(
    delivery,
    { ...judged, result, traceparent: delivery.traceparent, startedMs: nowMs, durationMs: 0 },
    prefix,
  )
  if (record === undefined) throw new Error('a delivery that ends has no record')
  return record
}
