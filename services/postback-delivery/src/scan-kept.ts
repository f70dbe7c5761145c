import { Delivery } from '@millrace/proto'
import type { KafkaConsumer, Message, TopicPartition } from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import { createOffsetSet, type OffsetSet } from './offset-set.ts'
import { readMark } from './redrive-messages.ts'

/** What a replay has to do with one partition. */
export interface ScannedPartition extends TopicPartition {
  /** Offsets that it has to take up, ascending. */
  readonly pending: readonly number[]
  /** How many it has taken up before. */
  readonly redriven: number
  /** Up to which the partition was looked through. */
  readonly through: number
}

export interface ScanDeps {
  /** Of its own: nobody else assigns or reads. */
  readonly consumer: KafkaConsumer
  /** First and next offset, what is not committed yet included: other transactions may have begun before a mark. */
  readonly range: (partition: TopicPartition) => Promise<{ readonly low: number; readonly high: number }>
  readonly selects: (delivery: Delivery) => boolean
  readonly logger: Logger
  readonly signal: AbortSignal
}

const maxRead = 1_000
const readWaitMs = 200

interface Scan extends TopicPartition {
  readonly high: number
  next: number
  readonly selected: number[]
  readonly done: OffsetSet
  redriven: number
}

/**
 * Reads the partitions to the end that they have now. Marks come behind their records, so it is known only at the end
 * which of these are done; of each record only its offset is kept.
 */
export async function scanKept(
  deps: ScanDeps,
  replay: string,
  partitions: readonly TopicPartition[],
): Promise<readonly ScannedPartition[]> {
  const { consumer, signal } = deps
  const scans = new Map<string, Scan>()
  for (const { topic, partition } of partitions) {
    const { low, high } = await deps.range({ topic, partition })
    scans.set(partitionKey({ topic, partition }), {
      topic,
      partition,
      high,
      next: low,
      selected: [],
      done: createOffsetSet(),
      redriven: 0,
    })
  }
  const all = [...scans.values()]
  const isComplete = (): boolean => all.every(({ next, high }) => next >= high)
  // Control records of transactions take offsets too: only the end's own event tells that they were passed.
  const ends = new Map<string, number>()
  consumer.onEnd((position) => ends.set(partitionKey(position), position.offset))
  consumer.assign(all.map(({ topic, partition, next }) => ({ topic, partition, offset: next })))
  while (!isComplete()) {
    signal.throwIfAborted()
    const messages = await consumer.consume(maxRead, readWaitMs)
    for (const message of messages) {
      const scan = scans.get(partitionKey(message))
      if (scan !== undefined) look(scan, message, replay, deps)
    }
    // The end is told before the messages that it follows are handed over.
    if (messages.length === 0)
      for (const [key, offset] of ends) {
        const scan = scans.get(key)
        if (scan !== undefined) scan.next = Math.max(scan.next, offset)
      }
  }
  return all.map(({ topic, partition, selected, done, redriven, high }) => ({
    topic,
    partition,
    pending: selected.filter((offset) => !done.has(offset)),
    redriven,
    through: high,
  }))
}

function look(scan: Scan, message: Message, replay: string, { selects, logger }: ScanDeps): void {
  scan.next = message.offset + 1
  const mark = readMark(message)
  if (mark !== undefined) {
    if (mark.replay === replay && !scan.done.has(mark.offset)) scan.redriven += 1
    scan.done.add(mark.offset)
    return
  }
  if (message.offset >= scan.high) return
  const delivery = decodeKept(message, logger)
  if (delivery !== undefined && selects(delivery)) scan.selected.push(message.offset)
}

/** Undefined when the record is no delivery: nothing can be done with it. */
export function decodeKept({ topic, partition, offset, value }: Message, logger: Logger) {
  if (value === null) return undefined
  try {
    const delivery = Delivery.decode(value)
    return delivery.id === '' ? undefined : delivery
  } catch (error) {
    logger.error({ topic, partition, offset, err: error }, 'record is no delivery, passed by')
    return undefined
  }
}

export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
