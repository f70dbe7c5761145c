import { setTimeout as sleep } from 'node:timers/promises'
import { deliveryStateKey } from '@millrace/catalog/delivery-state-store'
import type { KafkaConsumer, Message } from '@millrace/service-kit/kafka-consumer'
import type { OutgoingRecord } from '@millrace/service-kit/kafka-producer'
import type { ConsumerPosition } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import type { KeptPartitions } from './kept-partitions.ts'
import {
  type KeptRecord,
  progressMessage,
  type RedriveContext,
  toRedriveMessages,
} from './redrive-messages.ts'
import { decodeKept, partitionKey, type ScanDeps, type ScannedPartition, scanKept } from './scan-kept.ts'
import { createSelection, type DeliveryReplay, isRelease } from './select-kept.ts'

export interface RunReplayDeps {
  /** A consumer of its own, in no group. */
  readonly connectReader: () => Promise<KafkaConsumer>
  readonly range: ScanDeps['range']
  /** One transaction; rejects when it is not known to be committed. */
  readonly write: (
    messages: readonly OutgoingRecord[],
    positions: readonly ConsumerPosition[],
  ) => Promise<void>
  readonly fence: KeptPartitions['fence']
  /** True for the first of the replays that this instance carries out side by side; the record is the caller's then. */
  readonly claim: (record: KeptRecord) => boolean
  /** Next offsets of the topics to come, of what this instance has read. */
  readonly catalogThrough: () => number
  readonly stateThrough: () => number
  readonly onRedriven: (count: number) => void
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly signal: AbortSignal
}

export interface RunReplayConfig {
  readonly kafkaTopicPrefix: string
  readonly instance: string
  /** This run's part of the replay's rate. */
  readonly ratePerSecond: number
}

/** The batches of one second are several, so that deliveries come evenly; each costs a transaction. */
const batchesPerSecond = 4
const longestBatch = 500
const readWaitMs = 200
/**
 * What was found to be held just before a release may not be written yet, or another instance has not read of the
 * release yet: longer than an outcome's transaction and that reading take, a broker's moment of trouble included.
 */
const stragglersMs = 5_000

/** A partition while its deliveries are taken up. */
interface Work extends ScannedPartition {
  /** Of the next one in `pending`. */
  index: number
  taken: number
  /** In `pending`, but not there any more, or taken up by another replay. */
  missed: number
  told: string
  /** Nothing is left to come once its `pending` are over. */
  readonly last: boolean
}

/**
 * Takes up what the replay selects in some partitions:
 * 1. look through them: which records match, which of these are marked as done;
 * 2. read the others again and send them on their way, mark them and tell the progress, a batch per transaction.
 * A release does both once more after a while, for those that came late, before it is done.
 * A crash, or an error, anywhere: whoever looks again finds exactly those unmarked whose transaction was not committed.
 */
export async function runReplay(
  deps: RunReplayDeps,
  config: RunReplayConfig,
  replay: DeliveryReplay,
  partitions: Parameters<typeof scanKept>[2],
): Promise<void> {
  if (isRelease(replay)) {
    const beganMs = deps.now()
    await passThrough(deps, config, replay, partitions, false)
    const waitMs = Math.min(stragglersMs, beganMs + stragglersMs - deps.now())
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: deps.signal })
  }
  await passThrough(deps, config, replay, partitions, true)
}

async function passThrough(
  deps: RunReplayDeps,
  config: RunReplayConfig,
  replay: DeliveryReplay,
  partitions: Parameters<typeof scanKept>[2],
  last: boolean,
): Promise<void> {
  const scanned = await withReader(deps, (consumer) =>
    scanKept({ ...deps, consumer, selects: createSelection(replay) }, replay.name, partitions),
  )
  const works = scanned.map((one): Work => ({ ...one, index: 0, taken: 0, missed: 0, told: '', last }))
  const writer = createBatchWriter(deps, config, replay, works)
  await writer.write([])
  // Another one: a consumer may still tell of the end that it had reached before.
  await withReader(deps, (consumer) => takeUp(deps, consumer, works, writer))
}

async function withReader<Result>(
  { connectReader }: RunReplayDeps,
  use: (consumer: KafkaConsumer) => Promise<Result>,
): Promise<Result> {
  const consumer = await connectReader()
  try {
    return await use(consumer)
  } finally {
    await consumer.stop()
  }
}

interface BatchWriter {
  readonly size: number
  write(records: readonly KeptRecord[]): Promise<void>
}

async function takeUp(
  deps: RunReplayDeps,
  consumer: KafkaConsumer,
  works: readonly Work[],
  writer: BatchWriter,
): Promise<void> {
  const open = works.filter((work) => !isOver(work))
  if (open.length === 0) return
  const byPartition = new Map(open.map((work) => [partitionKey(work), work]))
  const ends = new Map<string, number>()
  consumer.onEnd((position) => ends.set(partitionKey(position), position.offset))
  consumer.assign(
    open.map(({ topic, partition, pending: [first = 0] }) => ({ topic, partition, offset: first })),
  )
  while (!open.every(isOver)) {
    deps.signal.throwIfAborted()
    const messages = await consumer.consume(writer.size, readWaitMs)
    const records = messages.flatMap((message) => {
      const work = byPartition.get(partitionKey(message))
      return work === undefined ? [] : take(work, message, deps)
    })
    // At its end nothing of a partition is left: the last ones have expired in the meantime.
    if (messages.length === 0)
      for (const [key, offset] of ends) {
        const work = byPartition.get(key)
        if (work !== undefined) passBy(work, offset)
      }
    if (records.length > 0 || open.some((work) => work.told !== toText(work))) await writer.write(records)
  }
}

/** The record when it is the replay's next. */
function take(work: Work, message: Message, { logger, claim }: RunReplayDeps): readonly KeptRecord[] {
  const { offset } = message
  passBy(work, offset)
  if (work.pending[work.index] !== offset) return []
  work.index += 1
  const delivery = decodeKept(message, logger)
  const record = delivery && { topic: work.topic, partition: work.partition, offset, delivery }
  if (record !== undefined && claim(record)) return [record]
  work.missed += 1
  return []
}

/** What lies before the offset will not come. */
function passBy(work: Work, offset: number): void {
  while (work.index < work.pending.length && (work.pending[work.index] ?? 0) < offset) {
    work.index += 1
    work.missed += 1
  }
}

function isOver({ index, pending }: Work): boolean {
  return index >= pending.length
}

function isDone(work: Work): boolean {
  return work.last && isOver(work)
}

function createBatchWriter(
  deps: RunReplayDeps,
  { kafkaTopicPrefix: prefix, instance, ratePerSecond }: RunReplayConfig,
  { tenant, name }: DeliveryReplay,
  works: readonly Work[],
): BatchWriter {
  let nextAtMs = 0
  const progressOf = (work: Work): OutgoingRecord => {
    const topic = work.topic.slice(prefix.length)
    const { selected, redriven } = countsOf(work)
    return progressMessage(prefix, deliveryStateKey.replayPart(tenant, name, topic, work.partition), {
      tenant,
      instance,
      nowUs: deps.now() * 1_000,
      progress: { replay: name, topic, partition: work.partition, selected, redriven, done: isDone(work) },
    })
  }
  return {
    size: Math.max(1, Math.min(longestBatch, Math.ceil(ratePerSecond / batchesPerSecond))),
    async write(records) {
      const waitMs = records.length === 0 ? 0 : nextAtMs - deps.now()
      if (waitMs > 0) await sleep(waitMs, undefined, { signal: deps.signal })
      deps.signal.throwIfAborted()
      for (const { topic, partition } of records) {
        const work = works.find((one) => one.topic === topic && one.partition === partition)
        if (work !== undefined) work.taken += 1
      }
      const changed = works.filter((work) => work.told !== toText(work))
      const context: RedriveContext = {
        prefix,
        replay: name,
        nowUs: deps.now() * 1_000,
        catalogThrough: deps.catalogThrough(),
        stateThrough: deps.stateThrough(),
      }
      const messages = records.flatMap((record) => toRedriveMessages(record, context))
      const position = deps.fence(
        changed.map(({ topic, partition, through }) => ({ topic, partition, offset: through })),
      )
      nextAtMs = Math.max(nextAtMs, deps.now()) + (records.length / ratePerSecond) * 1_000
      await deps.write([...messages, ...changed.map(progressOf)], [position])
      for (const work of changed) work.told = toText(work)
      deps.onRedriven(records.length)
    },
  }
}

function countsOf({ pending, redriven, taken, missed }: Work) {
  return { selected: redriven + pending.length - missed, redriven: redriven + taken }
}

function toText(work: Work): string {
  const { selected, redriven } = countsOf(work)
  return `${selected} ${redriven} ${isDone(work)}`
}
