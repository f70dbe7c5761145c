import type { ServiceError } from '@millrace/service-kit/errors'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import { kafkaIsBehind } from './kafka-is-behind.ts'
import { packedLength, packRecords } from './pack-records.ts'
import { createQueueTime, type QueueTime } from './queue-time.ts'

/** An encoded EventRecord and where it belongs. */
export interface PartitionedRecord {
  readonly partition: number
  readonly bytes: Uint8Array
}

/** Where a message is in the topic. */
export interface MessagePosition {
  readonly partition: number
  readonly offset: number
}

export interface EventProducer {
  /**
   * Resolves once Kafka has confirmed all of the records on all in-sync replicas, with where their messages are.
   * @throws {ServiceError} `unavailable`: Kafka is behind (then none was written) or did not confirm in time
   */
  append(records: readonly PartitionedRecord[]): Promise<readonly MessagePosition[]>
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
}

/** What one `append` waits for. */
interface Append {
  /** Messages that hold records of it and are not confirmed. */
  open: number
  readonly positions: MessagePosition[]
  readonly resolve: (positions: MessagePosition[]) => void
  readonly reject: (error: unknown) => void
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
}

/** A pack waits for the message in front of it, but not for ever longer than it would have waited anyway. */
const maxPackTimes = 5

/**
 * Packs the records of concurrent requests into one message per partition: Kafka, the client and the delivery reports
 * cost per message, not per record. While a message of the partition is unconfirmed the next one goes on growing, a
 * few pack times long: the busier Kafka is, the fewer messages it gets. Records of a partition are sent in the order of
 * `append`.
 */
export function createEventProducer(deps: EventProducerDeps, options: EventProducerOptions): EventProducer {
  const lanes = new Map<number, Lane>()
  const underWay = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let unconfirmed = 0

  const laneOf = (partition: number): Lane => {
    let lane = lanes.get(partition)
    if (lane === undefined) {
      const queue = createQueueTime({ calmMs: options.maxQueueMs / 4, memoryMs: options.maxQueueMs })
      lane = { partition, queue, pack: undefined, open: 0 }
      lanes.set(partition, lane)
    }
    return lane
  }
  const sendPack = async (lane: Lane, { records, appends, bytes }: Pack): Promise<void> => {
    const { partition, queue } = lane
    const waiting = queue.enter(bytes)
    let confirmed = false
    lane.open += 1
    try {
      const value = packRecords(records, deps.catalogPosition())
      const packed = { records: records.length, bytes: value.length }
      // They are views of slabs, which are not held as long as Kafka takes.
      records.length = 0
      const offset = await deps.send({ topic: options.topic, partition, value })
      confirmed = true
      for (const append of appends) {
        append.positions.push({ partition, offset })
        append.open -= 1
        if (append.open === 0) append.resolve(append.positions)
      }
      const seconds = (performance.now() - waiting.sinceMs) / 1_000
      deps.observe({ ...packed, seconds })
    } catch (error) {
      for (const append of appends) append.reject(error)
    } finally {
      queue.leave(waiting, confirmed)
      unconfirmed -= bytes
      lane.open -= 1
      if (lane.open === 0 && lane.pack !== undefined && ageOf(lane.pack) >= options.packMs) flush(lane)
    }
  }
  const ageOf = (pack: Pack): number => performance.now() - pack.sinceMs
  const flush = (lane: Lane): void => {
    const { pack } = lane
    if (pack === undefined) return
    lane.pack = undefined
    const sending = sendPack(lane, pack)
    underWay.add(sending)
    void sending.finally(() => underWay.delete(sending))
  }
  const flushDue = (): void => {
    timer = undefined
    let left = false
    for (const lane of lanes.values()) {
      if (lane.pack === undefined) continue
      if (lane.open === 0 || ageOf(lane.pack) >= maxPackTimes * options.packMs) flush(lane)
      else left = true
    }
    if (left) timer ??= setTimeout(flushDue, options.packMs)
  }
  const add = ({ partition, bytes }: PartitionedRecord, append: Append): void => {
    const lane = laneOf(partition)
    const length = packedLength(bytes.length)
    if (lane.pack !== undefined && lane.pack.bytes + length > options.packBytes) flush(lane)
    lane.pack ??= { records: [], appends: [], sinceMs: performance.now(), bytes: 0 }
    const { pack } = lane
    if (pack.appends.at(-1) !== append) {
      pack.appends.push(append)
      append.open += 1
    }
    pack.records.push(bytes)
    pack.bytes += length
    unconfirmed += length
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
    const full = unconfirmed > 0 && unconfirmed + total > options.maxUnconfirmedBytes
    return full ? kafkaIsBehind(slowestMs()) : undefined
  }
  const slowestMs = (): number => Math.max(0, ...[...lanes.values()].map(({ queue }) => queue.expectedMs()))

  return {
    append(records) {
      if (records.length === 0) return Promise.resolve([])
      const refused = refusal(records)
      if (refused !== undefined) return Promise.reject(refused)
      return new Promise((resolve, reject) => {
        const append: Append = { open: 0, positions: [], resolve, reject }
        for (const record of records) add(record, append)
        timer ??= setTimeout(flushDue, options.packMs)
      })
    },
    queueMs: slowestMs,
    unconfirmedBytes: () => unconfirmed,
    async drain() {
      clearTimeout(timer)
      timer = undefined
      for (const lane of lanes.values()) flush(lane)
      await Promise.all(underWay)
    },
  }
}
