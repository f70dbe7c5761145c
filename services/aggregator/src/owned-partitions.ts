import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaConsumer, TopicPartitionOffset } from '@millrace/service-kit/kafka-consumer'
import type {
  LostProducerError,
  TransactionalProducer,
} from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import type { Readiness } from '@millrace/service-kit/readiness'
import { type ChosenStart, chooseStart } from './choose-start.ts'
import { createFlushSlots } from './flush-slots.ts'
import { createLaneCommits, type LaneCommits } from './lane-commits.ts'
import { createPartitionLane, type LaneConfig, type LaneDeps, type PartitionLane } from './partition-lane.ts'
import type { PausedPartitions } from './pause-partitions.ts'
import { retryUntilDone } from './retry.ts'

/** The partitions that the group has given to this process, each with its lane. */
export interface OwnedPartitions {
  /** Makes the lanes; resolves with where each partition is to be read from. */
  assign(partitions: readonly number[]): Promise<readonly TopicPartitionOffset[]>
  revoke(partitions: readonly number[], lost: boolean): Promise<void>
  lane(partition: number): PartitionLane | undefined
  lanes(): ReadonlyMap<number, PartitionLane>
  /** Lands and commits what was read. */
  stop(graceMs: number): Promise<void>
}

export interface OwnershipDeps extends Omit<LaneDeps, 'commit' | 'seek' | 'onRoom' | 'lanes'> {
  readonly logger: Logger
  readonly readiness: Pick<Readiness, 'set'>
  /** Connects with the partition's transactional id: whoever had it before is fenced from then on. */
  readonly connectProducer: (partition: number) => Promise<TransactionalProducer>
  /** Lanes have been opened or closed. */
  readonly onLanesChanged?: () => void
  /** Stands between a lane and Kafka; tests put faults here. */
  readonly aroundCommit?: (commit: LaneDeps['commit']) => LaneDeps['commit']
}

interface Owned {
  readonly lane: PartitionLane
  readonly commits: LaneCommits
}

interface Prepared extends ChosenStart {
  readonly producer: TransactionalProducer
}

/** Inserts under way and their commits have to end within it, or the group waits for this member. */
const revokeGraceMs = 5_000
const requestTimeoutMs = 2_000
/** Two of Node's four threads stay free for reading, as long as no call of a lost producer keeps another. */
const commitsAtOnce = 2

/**
 * Takes partitions up and gives them up. Taking up: fence the former owner, then read what it committed, in this order:
 * what it commits in between does not get through.
 * @param retakeAfterMs when a partition whose producer is fenced or lost is taken up again if the group still says that
 *   it is ours; by then a member that has been thrown out knows
 */
export function createOwnedPartitions(
  deps: OwnershipDeps,
  config: LaneConfig & { readonly retakeAfterMs: number },
  consumer: KafkaConsumer,
  paused: PausedPartitions,
): OwnedPartitions {
  const { logger, metrics } = deps
  const { topic } = config
  const owned = new Map<number, Owned>()
  const lanes = new Map<number, PartitionLane>()
  /** Each time that a partition is assigned is another one; aborts once it is not ours by it any more. */
  const assigned = new Map<number, AbortController>()
  const stopping = new AbortController()
  const { signal } = stopping
  const slots = createFlushSlots(commitsAtOnce)
  const closing = new Set<Promise<void>>()
  /** Their producer is lost, and they are not taken up again yet. */
  const withoutProducer = new Set<number>()
  const tellWithoutProducer = (): void => {
    const partitions = [...withoutProducer].join(', ')
    const reason = `nothing is committed of the partitions ${partitions}, they are taken up again`
    deps.readiness.set('commits', withoutProducer.size === 0 ? undefined : reason)
  }

  const readStart = async (partition: number): Promise<ChosenStart> => {
    const [found] = await consumer.committed([{ topic, partition }], requestTimeoutMs)
    const { low, high } = await consumer.watermarks(topic, partition, requestTimeoutMs)
    const chosen = chooseStart({ ...found, partition }, low, high)
    if (chosen.fault !== undefined) {
      metrics.offsetsMissing.inc()
      logger.error({ partition, committed: found?.offset, low, high }, chosen.fault)
    }
    return chosen
  }

  /** Fences first: what the former owner commits from now on does not get through. */
  const prepare = async (partition: number, until: AbortSignal): Promise<Prepared> => {
    const retry = {
      signal: until,
      onFailure: (error: unknown, attempt: number) => {
        if (attempt % 5 === 1)
          logger.warn({ partition, attempt, err: error }, 'partition cannot be taken up yet')
      },
    }
    const producer = await retryUntilDone(() => deps.connectProducer(partition), retry)
    try {
      return { producer, ...(await retryUntilDone(() => readStart(partition), retry)) }
    } catch (error) {
      await producer.stop()
      throw error
    }
  }

  const install = (partition: number, { producer, start, position }: Prepared): TopicPartitionOffset => {
    const commits = createLaneCommits({
      producer,
      consumer,
      slots,
      onRetry: (error, attempt) => {
        metrics.commitRetries.inc()
        if (attempt % 5 === 1)
          logger.warn({ partition, attempt, err: error }, 'offset cannot be committed yet')
      },
      onLost: (error) => {
        lose(partition, error)
      },
    })
    const laneDeps: LaneDeps = {
      ...deps,
      commit: deps.aroundCommit?.(commits.commit) ?? commits.commit,
      seek: (of, offset) => consumer.seek({ topic, partition: of, offset }, requestTimeoutMs),
      onRoom: paused.resume,
      lanes: () => owned.size,
    }
    const lane = createPartitionLane(laneDeps, config, start)
    owned.set(partition, { lane, commits })
    lanes.set(partition, lane)
    deps.onLanesChanged?.()
    return { topic, partition, offset: position }
  }

  const giveUp = async (partition: number, graceMs: number): Promise<void> => {
    const given = owned.get(partition)
    owned.delete(partition)
    lanes.delete(partition)
    await given?.lane.close(graceMs)
    if (given === undefined) return
    deps.onLanesChanged?.()
    const stopped = given.commits.stop().finally(() => closing.delete(stopped))
    closing.add(stopped)
  }

  /** Another instance has taken the partition up, or the producer broke: nothing of this lane gets through any more. */
  const lose = async (partition: number, error: LostProducerError): Promise<void> => {
    if (error.fenced) metrics.fenced.inc()
    else metrics.producersLost.inc()
    logger.warn({ partition, err: error }, 'the commits of the partition are refused, giving it up')
    const assignment = assigned.get(partition)
    if (assignment !== undefined) paused.pause(partition)
    if (!error.fenced) withoutProducer.add(partition)
    tellWithoutProducer()
    try {
      await giveUp(partition, 0)
      if (assignment !== undefined) await retake(partition, AbortSignal.any([signal, assignment.signal]))
    } finally {
      withoutProducer.delete(partition)
      tellWithoutProducer()
    }
  }

  const retake = async (partition: number, ours: AbortSignal): Promise<void> => {
    try {
      await takeUpAgain(partition, ours)
    } catch (error) {
      if (!ours.aborted) throw error
    }
  }

  const takeUpAgain = async (partition: number, ours: AbortSignal): Promise<void> => {
    await sleep(config.retakeAfterMs, undefined, { signal: ours })
    const prepared = await prepare(partition, ours)
    if (ours.aborted) return prepared.producer.stop()
    const position = install(partition, prepared)
    await retryUntilDone(() => consumer.seek(position, requestTimeoutMs), { signal: ours })
    // Whoever took it away has forgotten the pause, or it is assigned anew.
    if (!ours.aborted) paused.resume(partition)
  }

  return {
    async assign(partitions) {
      for (const partition of partitions) {
        assigned.get(partition)?.abort()
        assigned.set(partition, new AbortController())
      }
      const prepared = await Promise.all(partitions.map((partition) => prepare(partition, signal)))
      return partitions.map((partition, index) => install(partition, prepared[index] as Prepared))
    },
    async revoke(partitions, lost) {
      if (lost) metrics.partitionsLost.inc(partitions.length)
      await Promise.all(
        partitions.map(async (partition) => {
          assigned.get(partition)?.abort()
          assigned.delete(partition)
          paused.forget(partition)
          await giveUp(partition, lost ? 0 : revokeGraceMs)
        }),
      )
    },
    lane: (partition) => lanes.get(partition),
    lanes: () => lanes,
    async stop(graceMs) {
      stopping.abort()
      await Promise.all([...lanes.values()].map((lane) => lane.drain(graceMs)))
      for (const partition of [...owned.keys()]) await giveUp(partition, 0)
      await Promise.all(closing)
    },
  }
}
