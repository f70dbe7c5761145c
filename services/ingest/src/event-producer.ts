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
  records: Uint8Array[]
  appends: Append[]
  bytes: number
}

/**
 * Packs the records of concurrent requests into one message per partition: Kafka, the client and the delivery reports
 * cost per message, not per record. Records of a partition are sent in the order of `append`.
 */
export function createEventProducer(deps: EventProducerDeps, options: EventProducerOptions): EventProducer {
  const packs = new Map<number, Pack>()
  const queues = new Map<number, QueueTime>()
  const underWay = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let unconfirmed = 0

  const queueOf = (partition: number): QueueTime => {
    let queue = queues.get(partition)
    if (queue === undefined) {
      queue = createQueueTime({ calmMs: options.maxQueueMs / 4, memoryMs: options.maxQueueMs })
      queues.set(partition, queue)
    }
    return queue
  }
  const sendPack = async (partition: number, { records, appends, bytes }: Pack): Promise<void> => {
    const queue = queueOf(partition)
    const waiting = queue.enter(bytes)
    let confirmed = false
    try {
      const value = packRecords(records, deps.catalogPosition())
      const offset = await deps.send({ topic: options.topic, partition, value })
      confirmed = true
      for (const append of appends) {
        append.positions.push({ partition, offset })
        append.open -= 1
        if (append.open === 0) append.resolve(append.positions)
      }
      const seconds = (performance.now() - waiting.sinceMs) / 1_000
      deps.observe({ records: records.length, bytes: value.length, seconds })
    } catch (error) {
      for (const append of appends) append.reject(error)
    } finally {
      queue.leave(waiting, confirmed)
      unconfirmed -= bytes
    }
  }
  const flush = (partition: number, pack: Pack): void => {
    packs.delete(partition)
    const sending = sendPack(partition, pack)
    underWay.add(sending)
    void sending.finally(() => underWay.delete(sending))
  }
  const flushAll = (): void => {
    clearTimeout(timer)
    timer = undefined
    for (const [partition, pack] of packs) flush(partition, pack)
  }
  const add = ({ partition, bytes }: PartitionedRecord, append: Append): void => {
    let pack = packs.get(partition)
    const length = packedLength(bytes.length)
    if (pack !== undefined && pack.bytes + length > options.packBytes) {
      flush(partition, pack)
      pack = undefined
    }
    if (pack === undefined) {
      pack = { records: [], appends: [], bytes: 0 }
      packs.set(partition, pack)
    }
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
      const queueMs = queues.get(partition)?.expectedMs() ?? 0
      if (queueMs > options.maxQueueMs) return kafkaIsBehind(queueMs)
    }
    // A request that is larger than the limit passes when nothing else waits.
    const full = unconfirmed > 0 && unconfirmed + total > options.maxUnconfirmedBytes
    return full ? kafkaIsBehind(slowestMs()) : undefined
  }
  const slowestMs = (): number => Math.max(0, ...[...queues.values()].map((queue) => queue.expectedMs()))

  return {
    append(records) {
      if (records.length === 0) return Promise.resolve([])
      const refused = refusal(records)
      if (refused !== undefined) return Promise.reject(refused)
      return new Promise((resolve, reject) => {
        const append: Append = { open: 0, positions: [], resolve, reject }
        for (const record of records) add(record, append)
        timer ??= setTimeout(flushAll, options.packMs)
      })
    },
    queueMs: slowestMs,
    unconfirmedBytes: () => unconfirmed,
    async drain() {
      flushAll()
      await Promise.all(underWay)
    },
  }
}
