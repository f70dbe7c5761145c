import type { ServiceError } from '@millrace/service-kit/errors'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import type { Logger } from '@millrace/service-kit/log'
import { Append, type AppendOutcome, type MessagePosition } from './append-outcome.ts'
import { kafkaIsBehind } from './kafka-is-behind.ts'
import { packedLength, packRecords } from './pack-records.ts'
import { createQueueTime, type QueueTime } from './queue-time.ts'
import { unconfirmed } from './unconfirmed.ts'

/** An encoded EventRecord and where it belongs. */
export interface PartitionedRecord {
  readonly partition: number
  readonly bytes: Uint8Array
}

export interface EventProducer {
  /**
   * Resolves once Kafka has confirmed all of the records on all in-sync replicas, with where their messages are.
   * @throws {ServiceError} `unavailable`: Kafka is behind (then none was written) or did not confirm in time
   */
  append(records: readonly PartitionedRecord[]): Promise<readonly MessagePosition[]>
  /** The same without a promise, for who has something to tell already: that costs every request less. */
  appendFor(records: readonly PartitionedRecord[], outcome: AppendOutcome): void
  /** Milliseconds that a record would wait for its confirmation now, in the slowest partition. */
  queueMs(): number
  /** Bytes of records that are not confirmed yet. */
  unconfirmedBytes(): number
  /** Sends what is waiting; resolves when everything is settled. */
  drain(): Promise<void>
}

export interface EventProducerOptions {
  /** Full name of the topic. */
  readonly topic: string
  /** How long a record waits for others to travel with. */
  readonly packMs: number
  /** How long a record waits for its confirmation. */
  readonly timeoutMs: number
  /** A message is sent as soon as another record would make it larger; a single record may be larger. */
  readonly packBytes: number
  /** Above it `append` refuses at once. */
  readonly maxUnconfirmedBytes: number
  /** A partition whose records would wait longer is refused at once. */
  readonly maxQueueMs: number
}

export interface EventProducerDeps {
  readonly send: (message: OutgoingMessage) => Promise<number>
  /** Next offset of millrace.catalog that this process has not read. */
  readonly catalogPosition: () => number
  readonly observe: (message: { records: number; bytes: number; seconds: number }) => void
  readonly logger: Pick<Logger, 'error'>
}

/** Records of one partition that wait for their message. */
interface Pack {
  readonly records: Uint8Array[]
  readonly appends: Append[]
  readonly sinceMs: number
  bytes: number
}

/** What is on its way to one partition. */
interface Lane {
  readonly partition: number
  readonly queue: QueueTime
  pack: Pack | undefined
  /** Messages that are not confirmed. */
  open: number
  /** When the last one was settled. */
  settledMs: number
}

/** A pack waits for the message in front of it, but not for ever longer than it would have waited anyway. */
const maxPackTimes = 5
/** Timers fire by the loop's own clock, which tells whole milliseconds. */
const timerToleranceMs = 0.5

/**
 * Packs the records of concurrent requests into one message per partition: Kafka, the client and the delivery reports
 * cost per message, not per record. While a message of the partition is unconfirmed the next one goes on growing, a
 * few pack times long, and then one pack time more, since who has been answered sends again: the busier Kafka is, the
 * fewer messages it gets. Records of a partition are sent in the order of `append`.
 */
export function createEventProducer(deps: EventProducerDeps, options: EventProducerOptions): EventProducer {
  const lanes = new Map<number, Lane>()
  const underWay = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  /** When it fires. */
  let timerMs = 0
  let unconfirmedBytes = 0

  const laneOf = (partition: number): Lane => {
    let lane = lanes.get(partition)
    if (lane === undefined) {
      const queue = createQueueTime({ calmMs: options.maxQueueMs / 4, memoryMs: options.maxQueueMs })
      lane = { partition, queue, pack: undefined, open: 0, settledMs: 0 }
      lanes.set(partition, lane)
    }
    return lane
  }
  /** Whoever throws when told keeps nobody else of the message from it. */
  const tellAll = (appends: readonly Append[], tell: (append: Append) => void): void => {
    for (const append of appends) {
      try {
        tell(append)
      } catch (error) {
        deps.logger.error({ err: error }, 'a request could not be told what became of its records')
      }
    }
  }
  const sendPack = async (lane: Lane, { records, appends, bytes, sinceMs }: Pack): Promise<void> => {
    const { partition, queue } = lane
    const waiting = queue.enter(bytes)
    lane.open += 1
    const failAll = (error: unknown): void => tellAll(appends, (append) => append.fail(error))
    // One for all of them: a deadline per request would cost each of them a timer.
    const leftMs = Math.max(1, sinceMs + options.timeoutMs - waiting.sinceMs)
    const deadline = setTimeout(() => failAll(unconfirmed()), leftMs).unref()
    const over = (confirmed: boolean): void => {
      clearTimeout(deadline)
      queue.leave(waiting, confirmed)
      unconfirmedBytes -= bytes
      lane.open -= 1
      lane.settledMs = performance.now()
      if (lane.open === 0 && lane.pack !== undefined) flushAt(dueMs(lane, lane.pack))
    }
    let packed: { records: number; bytes: number }
    let position: MessagePosition
    try {
      const value = packRecords(records, deps.catalogPosition())
      packed = { records: records.length, bytes: value.length }
      // They are views of slabs, which are not held as long as Kafka takes.
      records.length = 0
      position = { partition, offset: await deps.send({ topic: options.topic, partition, value }) }
    } catch (error) {
      over(false)
      failAll(error)
      return
    }
    over(true)
    tellAll(appends, (append) => append.confirm(position))
    deps.observe({ ...packed, seconds: (lane.settledMs - waiting.sinceMs) / 1_000 })
  }
  const dueMs = (lane: Lane, { sinceMs }: Pack): number => {
    const latestMs = sinceMs + maxPackTimes * options.packMs
    return lane.open > 0 ? latestMs : Math.min(latestMs, Math.max(sinceMs, lane.settledMs) + options.packMs)
  }
  const flush = (lane: Lane): void => {
    const { pack } = lane
    if (pack === undefined) return
    lane.pack = undefined
    const sending = sendPack(lane, pack)
    underWay.add(sending)
    void sending.finally(() => underWay.delete(sending))
  }
  const flushDue = (): void => {
    const nowMs = performance.now() + timerToleranceMs
    let nextMs = Number.POSITIVE_INFINITY
    timer = undefined
    for (const lane of lanes.values()) {
      if (lane.pack === undefined) continue
      const atMs = dueMs(lane, lane.pack)
      if (atMs <= nowMs) flush(lane)
      else nextMs = Math.min(nextMs, atMs)
    }
    if (nextMs < Number.POSITIVE_INFINITY) flushAt(nextMs)
  }
  /** Does not put off what is due before. */
  const flushAt = (atMs: number): void => {
    if (timer !== undefined && timerMs <= atMs) return
    clearTimeout(timer)
    timerMs = atMs
    timer = setTimeout(flushDue, Math.max(1, Math.ceil(atMs - performance.now())))
  }
  const add = ({ partition, bytes }: PartitionedRecord, append: Append): void => {
    const lane = laneOf(partition)
    const length = packedLength(bytes.length)
    if (lane.pack !== undefined && lane.pack.bytes + length > options.packBytes) flush(lane)
    let { pack } = lane
    if (pack === undefined) {
      pack = { records: [], appends: [], sinceMs: performance.now(), bytes: 0 }
      lane.pack = pack
      flushAt(dueMs(lane, pack))
    }
    if (pack.appends[pack.appends.length - 1] !== append) {
      pack.appends.push(append)
      append.open += 1
    }
    pack.records.push(bytes)
    pack.bytes += length
    unconfirmedBytes += length
  }
  /** Why none of the records can be taken now. */
  const refusal = (records: readonly PartitionedRecord[]): ServiceError | undefined => {
    let total = 0
    for (const { partition, bytes } of records) {
      total += packedLength(bytes.length)
      const queueMs = lanes.get(partition)?.queue.expectedMs() ?? 0
      if (queueMs > options.maxQueueMs) return kafkaIsBehind(queueMs)
    }
    // A request that is larger than the limit passes when nothing else waits.
    const full = unconfirmedBytes > 0 && unconfirmedBytes + total > options.maxUnconfirmedBytes
    return full ? kafkaIsBehind(slowestMs()) : undefined
  }
  const slowestMs = (): number => Math.max(0, ...[...lanes.values()].map(({ queue }) => queue.expectedMs()))

  const appendFor: EventProducer['appendFor'] = (records, outcome) => {
    if (records.length === 0) {
      outcome.confirmed([])
      return
    }
    const refused = refusal(records)
    if (refused !== undefined) {
      outcome.failed(refused)
      return
    }
    const append = new Append(outcome)
    for (const record of records) add(record, append)
  }
  return {
    append: (records) =>
      new Promise((confirmed, failed) => {
        appendFor(records, { confirmed, failed })
      }),
    appendFor,
    queueMs: slowestMs,
    unconfirmedBytes: () => unconfirmedBytes,
    async drain() {
      clearTimeout(timer)
      timer = undefined
      for (const lane of lanes.values()) flush(lane)
      await Promise.all(underWay)
    },
  }
}
