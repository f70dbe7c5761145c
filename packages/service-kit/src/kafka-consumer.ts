import kafka, {
  type KafkaConsumer as Client,
  type ConsumerGlobalConfig,
  type LibrdKafkaError,
  type Message,
  type TopicPartition,
  type TopicPartitionOffset,
  type TopicPartitionOffsetAndMetadata,
} from '@confluentinc/kafka-javascript'
import { commonClientConfig, type KafkaConfig, logClientErrors } from './kafka-client.ts'
import { joinLiveClients } from './kafka-live-clients.ts'
import { answerWithNothing, rebalance } from './kafka-rebalance.ts'
import type { Logger } from './log.ts'

export type {
  Message,
  TopicPartition,
  TopicPartitionOffset,
  TopicPartitionOffsetAndMetadata,
} from '@confluentinc/kafka-javascript'

/** A consumer whose calls return promises; offsets are only ever committed by hand. */
export interface KafkaConsumer {
  /** Up to `max` messages, waiting at most `timeoutMs` for the first. */
  consume(max: number, timeoutMs: number): Promise<readonly Message[]>
  /**
   * Hands the offsets to the client, which sends them by and by: whether Kafka takes them nobody is told. What must not be
   * lost is committed in a transaction. Rejects when the group has gone on without this member.
   */
  commit(offsets: readonly TopicPartitionOffsetAndMetadata[]): Promise<void>
  /** Rejects when even one of the partitions could not be asked for; one without an offset has none in the answer. */
  committed(
    partitions: readonly TopicPartition[],
    timeoutMs: number,
  ): Promise<readonly TopicPartitionOffsetAndMetadata[]>
  assign(partitions: readonly (TopicPartition | TopicPartitionOffset)[]): void
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  seek(position: TopicPartitionOffset, timeoutMs: number): Promise<void>
  /** The group has gone on without this member, which has not been told of it yet (`onRevoked`): only `consume` tells. */
  isEvicted(): boolean
  /** First and next offset of a partition, asked of the broker. */
  watermarks(topic: string, partition: number, timeoutMs: number): Promise<{ low: number; high: number }>
  /** The end of a partition was reached: `offset` is the next to come. */
  onEnd(listener: (position: TopicPartitionOffset) => void): void
  /** For transactional producers, which send this consumer's offsets. */
  readonly client: Client
  stop(): Promise<void>
}

export interface KafkaConsumerOptions {
  readonly clientId: string
  /** Consumer group, without the deployment's prefix. */
  readonly groupId: string
  /** Subscribes to them (without the prefix); leave out to `assign` by hand. */
  readonly topics?: readonly string[]
  /** Where to start without a committed offset. */
  readonly from?: 'earliest' | 'latest'
  /**
   * Called before partitions are consumed; returns where to start each of them, or nothing to go on as committed.
   * Rejects with an AbortError when the consumer is about to be stopped.
   */
  readonly onAssigned?: (
    partitions: readonly TopicPartition[],
  ) => Promise<readonly TopicPartitionOffset[] | undefined>
  /** Called before partitions go to somebody else; commit inside it. `lost`: they are gone already. */
  readonly onRevoked?: (partitions: readonly TopicPartition[], lost: boolean) => Promise<void>
  /** Something came into the empty queue: `consume` with no waiting time finds it. May be called for nothing. */
  readonly onQueued?: () => void
  /**
   * A rebalance failed: this member is in the group and owns partitions that nobody reads, until it leaves. Without a
   * listener it is an unhandled rejection, which ends the process, so that it is started again.
   */
  readonly onFatal?: (error: Error) => void
  /** librdkafka settings on top. */
  readonly overrides?: ConsumerGlobalConfig
}

/** What the client has and its types lack. */
interface Untyped {
  commitCb(
    offsets: TopicPartitionOffsetAndMetadata[],
    callback: (error: LibrdKafkaError | null) => void,
  ): void
  assignmentLost(): boolean
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void
}

const untyped = (client: Client): Untyped => client as unknown as Untyped

/**
 * To be called last before offsets are committed, alone or in a transaction. Kafka refuses those of a member that was
 * thrown out of its group, but not always: not while the group is empty, nor in a transaction whose client sends neither
 * member nor generation, as one that has heard of it may and old clients always did.
 * @throws {Error} when the group has gone on without this member
 */
export function requireMember(consumer: Pick<KafkaConsumer, 'isEvicted'>): void {
  if (consumer.isEvicted()) throw new Error('the group has gone on without this member')
}

/** Rejects when no broker answers at first; later outages are waited out by the client itself. */
export async function connectKafkaConsumer(
  config: KafkaConfig,
  options: KafkaConsumerOptions,
  logger: Logger,
): Promise<KafkaConsumer> {
  // A client that is closing refuses assignments, and still calls itself connected.
  const state = { stopping: false }
  const client: Client = new kafka.KafkaConsumer(
    {
      ...commonClientConfig(config, options.clientId),
      'group.id': config.kafkaTopicPrefix + options.groupId,
      'enable.auto.commit': false,
      'enable.auto.offset.store': false,
      'enable.partition.eof': true,
      'isolation.level': 'read_committed',
      'fetch.wait.max.ms': 100,
      'session.timeout.ms': 10_000,
      'heartbeat.interval.ms': 1_000,
      'partition.assignment.strategy': 'roundrobin',
      rebalance_cb: (error: LibrdKafkaError, partitions: TopicPartition[]) => {
        rebalance(client, options, error, partitions).catch((cause: unknown) => {
          const stopped = state.stopping || !client.isConnected()
          // Stopped in the middle of it: the group has been left, or is about to be.
          const expected = stopped || (cause instanceof Error && cause.name === 'AbortError')
          if (!expected)
            logger.fatal({ part: options.clientId, err: cause }, 'rebalance failed, partitions are not read')
          answerWithNothing(client, error, partitions, stopped)
          if (expected) return
          const failure = new Error('rebalance failed', { cause })
          if (options.onFatal === undefined) throw failure
          options.onFatal(failure)
        })
      },
      // The client takes it out of the settings again; its types lack it.
      ...(options.onQueued !== undefined && { queue_non_empty_cb: options.onQueued }),
      ...options.overrides,
    },
    { 'auto.offset.reset': options.from ?? 'earliest' },
  )
  logClientErrors(client, logger, options.clientId)
  await new Promise<void>((resolve, reject) => {
    client.connect({ timeout: 5_000 }, (error) => (error ? reject(error) : resolve()))
  })
  // Without it a consume waits for the whole time-out even when messages are there.
  untyped(client).setDefaultIsTimeoutOnlyForFirstMessage(true)
  if (options.topics !== undefined)
    client.subscribe(options.topics.map((topic) => config.kafkaTopicPrefix + topic))
  return wrap(client, state, joinLiveClients(options.clientId, config, client))
}

function wrap(client: Client, state: { stopping: boolean }, leave: () => Promise<void>): KafkaConsumer {
  const settle =
    (resolve: () => void, reject: (error: LibrdKafkaError) => void) =>
    (error?: LibrdKafkaError | null): void =>
      error ? reject(error) : resolve()
  const isEvicted = (): boolean => untyped(client).assignmentLost()
  return {
    client,
    consume: (max, timeoutMs) =>
      new Promise((resolve, reject) => {
        client.setDefaultConsumeTimeout(timeoutMs)
        client.consume(max, (error, messages) => (error ? reject(error) : resolve(messages)))
      }),
    commit: (offsets) =>
      new Promise((resolve, reject) => {
        requireMember({ isEvicted })
        untyped(client).commitCb([...offsets], settle(resolve, reject))
      }),
    committed: (partitions, timeoutMs) =>
      new Promise((resolve, reject) => {
        client.committed([...partitions], timeoutMs, (error, found) => {
          // The client puts an error in the place of a partition that it could not ask for; "not committed" is another thing.
          const refused = error ?? found.find((one) => one instanceof Error)
          if (refused) reject(refused)
          else resolve(found)
        })
      }),
    assign: (partitions) => {
      client.assign([...partitions])
    },
    pause: (partitions) => {
      client.pause([...partitions])
    },
    resume: (partitions) => {
      client.resume([...partitions])
    },
    seek: (position, timeoutMs) =>
      new Promise((resolve, reject) => {
        client.seek(position, timeoutMs, settle(resolve, reject))
      }),
    isEvicted,
    watermarks: (topic, partition, timeoutMs) =>
      new Promise((resolve, reject) => {
        client.queryWatermarkOffsets(
          topic,
          partition,
          timeoutMs,
          (error, { lowOffset, highOffset } = emptyRange) =>
            error ? reject(error) : resolve({ low: lowOffset, high: highOffset }),
        )
      }),
    onEnd: (listener) => {
      client.on('partition.eof', listener)
    },
    async stop() {
      state.stopping = true
      await leave()
      await new Promise<void>((resolve) => {
        client.disconnect(() => resolve())
      })
    },
  }
}

const emptyRange = { lowOffset: 0, highOffset: 0 }
