import { setTimeout as delay } from 'node:timers/promises'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import {
  connectKafkaConsumer,
  type KafkaConsumer,
  type Message,
  type TopicPartition,
  type TopicPartitionOffset,
} from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import { createSignal, waitUntil } from '@millrace/service-kit/signal'
import { beginning, readLanes } from './assign-partitions.ts'
import type { AssignedPartition, DeliveryRecord, SourceRecord } from './assigned-partition.ts'
import {
  findCrowded,
  giveBack,
  hasRoom,
  type Lane,
  type LaneLimits,
  release,
  setPauses,
  take,
} from './lanes.ts'

/** Reads deliveries from some topics, each record when its time has come. */
export interface DeliveryConsumer {
  readonly consumer: KafkaConsumer
  partitions(): readonly AssignedPartition[]
  /** There may be room again. */
  wake(): void
  /** Reads nothing more; what was read stays assigned. */
  stopReading(): Promise<void>
  /** Leaves the group. */
  stop(): Promise<void>
}

export interface DeliveryConsumerDeps {
  /** Takes a record that is ripe. */
  readonly onRecord: (record: DeliveryRecord) => void
  /** The record is no delivery: there is nothing to be done for it but to go on. */
  readonly onUndecodable: (record: SourceRecord) => void
  /** Puts off some of the oldest records of a partition that wait for their turn. */
  readonly relieve: (partition: AssignedPartition, count: number) => void
  /** Whether a receiver is to be waited for before more is read. */
  readonly isHeldUp: () => boolean
  /** Finishes what is under way for partitions that are leaving, and writes it down. */
  readonly drain: (partitions: readonly AssignedPartition[]) => Promise<void>
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface DeliveryConsumerOptions extends LaneLimits {
  /** Consumer group and client id, without the deployment's prefix. */
  readonly group: string
  /**
   * Who this is, when it is the same after a restart: a crash then costs no rebalance, and no waiting for one.
   */
  readonly instance: string | undefined
  /** Topics without the deployment's prefix, and how long each makes its records wait. */
  readonly topics: ReadonlyMap<string, number>
}

const maxRead = 256
/** Rebalances are heard of only while reading, and a group waits for nobody longer than max.poll.interval.ms. */
const idleReadMs = 1_000
const relieveEveryMs = 250
const leaveMs = 2_000

export async function connectDeliveryConsumer(
  deps: DeliveryConsumerDeps,
  config: KafkaConfig,
  options: DeliveryConsumerOptions,
): Promise<DeliveryConsumer> {
  const lanes = new Map<string, Lane>()
  const signal = createSignal()
  let stopping = false
  const tierDelayMs = (topic: string): number =>
    options.topics.get(topic.slice(config.kafkaTopicPrefix.length)) ?? 0

  const consumer: KafkaConsumer = await connectKafkaConsumer(
    config,
    {
      clientId: options.group,
      groupId: options.group,
      topics: [...options.topics.keys()],
      onQueued: signal.notify,
      async onAssigned(partitions): Promise<readonly TopicPartitionOffset[]> {
        const assigned = await readLanes(consumer, partitions, tierDelayMs, deps.logger, () => stopping)
        // The group is being left: there is nothing to be assigned any more.
        if (stopping) throw new DOMException('the consumer is stopping', 'AbortError')
        for (const lane of assigned) lanes.set(keyOf(lane), lane)
        return assigned.map(({ topic, partition, tracker }) => ({
          topic,
          partition,
          offset: tracker.lowWatermark() ?? beginning,
        }))
      },
      async onRevoked(partitions, lost) {
        const leaving = partitions.flatMap((partition) => lanes.get(keyOf(partition)) ?? [])
        for (const lane of leaving) lane.state = 'leaving'
        // What is not written down by then is repeated by the next owner.
        if (!lost && !stopping) await deps.drain(leaving)
        for (const lane of leaving) {
          lane.state = 'gone'
          lanes.delete(keyOf(lane))
        }
      },
      // What waits inside the client takes memory and has to be read again after every pause.
      overrides: {
        'queued.min.messages': 1_000,
        'queued.max.messages.kbytes': 16_384,
        // Without it a partition of which so many wait is left alone for a second.
        'fetch.queue.backoff.ms': 10,
        ...(options.instance !== undefined && { 'group.instance.id': options.instance }),
      },
    },
    deps.logger,
  )

  const allLanes = (): readonly Lane[] => [...lanes.values()]
  const read = async (): Promise<readonly Message[]> => {
    const hasAll = (): boolean => stopping || (hasRoom(allLanes(), options) && !deps.isHeldUp())
    const room = await waitUntil(signal, hasAll, idleReadMs)
    setPauses(consumer, allLanes(), !room)
    return await consumer.consume(maxRead, 0)
  }
  let relievedMs = 0
  const relieveCrowded = (): void => {
    // What is put off is finished only when Kafka has it.
    if (deps.now() - relievedMs < relieveEveryMs) return
    for (const lane of findCrowded(allLanes())) {
      relievedMs = deps.now()
      deps.relieve(lane, Math.ceil(lane.tracker.unfinished() / 2))
    }
  }
  const run = async (): Promise<void> => {
    while (!stopping) {
      try {
        const messages = await read()
        for (const message of messages) take(lanes.get(keyOf(message)), message)
        const pauseMs = release(allLanes(), deps, options, idleReadMs)
        relieveCrowded()
        await giveBack(consumer, allLanes(), options)
        if (messages.length < maxRead) await signal.wait(pauseMs)
      } catch (error) {
        // The client recovers by itself; what it had not handed over comes again.
        deps.logger.warn({ err: error, group: options.group }, 'reading failed')
        await delay(idleReadMs)
      }
    }
  }
  const running = run()
  return {
    consumer,
    partitions: allLanes,
    wake: signal.notify,
    async stopReading() {
      stopping = true
      signal.notify()
      await running
    },
    async stop() {
      // A member that is expected back would not leave the group by itself: its partitions would lie idle for a while.
      if (options.instance !== undefined) await leave(consumer, () => lanes.size === 0)
      await consumer.stop()
    },
  }
}

async function leave(consumer: KafkaConsumer, hasLeft: () => boolean): Promise<void> {
  consumer.client.unsubscribe()
  const deadline = performance.now() + leaveMs
  // Rebalances are heard of only while reading.
  while (!hasLeft() && performance.now() < deadline) await consumer.consume(1, 100).catch(() => undefined)
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
