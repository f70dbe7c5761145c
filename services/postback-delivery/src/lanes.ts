import { Delivery } from '@millrace/proto'
import type { KafkaConsumer, Message } from '@millrace/service-kit/kafka-consumer'
import type { AssignedPartition, DeliveryRecord, SourceRecord } from './assigned-partition.ts'
import { estimateBytes, maxMetadataBytes } from './progress-metadata.ts'
import { longestHoldMs, ripeAtMs } from './retry-schedule.ts'

/** A partition with what its consumer has to remember. */
export interface Lane extends AssignedPartition {
  /** Records that were read before their time, in order. The partition is paused while there are any. */
  readonly ahead: EarlyRecord[]
  paused: boolean
}

export interface EarlyRecord extends SourceRecord {
  /** Undefined when the record is no delivery. */
  readonly delivery: Delivery | undefined
}

export interface LaneLimits {
  /** Records, and their bytes, that may be under way; half as many may wait for their time. */
  readonly maxRecords: number
  readonly maxBytes: number
}

const seekTimeoutMs = 5_000
/**
 * Of the metadata that a commit takes, a part each: above the first the oldest waiting records are put off, above the
 * second nothing more is read of the partition until that has helped. What is read at a time fits between them.
 */
const crowdedBytes = 0.65 * maxMetadataBytes
const fullBytes = 0.8 * maxMetadataBytes
/** So few always fit. */
const neverCrowded = 500
/** Of a partition of the smallest tier, at most so many may wait in memory, past each other. */
const mostHeld = 1_000

/**
 * Keeps a record that was read until it is ripe. One that was read before is ignored: a seek that was given up may
 * still happen, and a record taken twice would be attempted twice.
 */
export function take(lane: Lane | undefined, { offset, value, timestamp = 0 }: Message): void {
  if (lane === undefined || lane.state !== 'owned') return
  if (offset < expectedOffset(lane)) return
  lane.ahead.push({
    partition: lane,
    offset,
    bytes: value?.length ?? 0,
    appendedMs: timestamp,
    delivery: decode(value),
  })
}

function expectedOffset({ ahead, tracker }: Lane): number {
  const last = ahead.at(-1)
  return last === undefined ? (tracker.next() ?? 0) : last.offset + 1
}

function decode(value: Buffer | null): Delivery | undefined {
  if (value === null) return undefined
  try {
    const delivery = Delivery.decode(value)
    return delivery.id === '' ? undefined : delivery
  } catch {
    // Not protobuf: told of when its turn comes.
    return undefined
  }
}

/**
 * Hands on what is ripe. Within a tier all records wait equally long, so those behind a head that is not ripe are not
 * ripe either, but for some of the smallest one.
 * @param idleMs returned when nothing waits
 * @returns milliseconds until there may be something to do
 */
export function release(
  lanes: readonly Lane[],
  deps: {
    readonly onRecord: (record: DeliveryRecord) => void
    readonly onUndecodable: (record: SourceRecord) => void
    readonly now: () => number
  },
  limits: Pick<LaneLimits, 'maxRecords'>,
  idleMs: number,
): number {
  const held = heldByEach(lanes, limits)
  let nextMs = idleMs
  for (const { ahead, tracker, state } of lanes) {
    if (state !== 'owned') continue
    let ripe = 0
    for (const record of ahead) {
      const waitMs = readyAtMs(record, held) - deps.now()
      if (waitMs > 0) {
        nextMs = Math.min(nextMs, Math.ceil(waitMs))
        break
      }
      ripe += 1
      if (tracker.isFinished(record.offset)) continue
      begin(record)
      if (isDelivery(record)) deps.onRecord(record)
      else deps.onUndecodable(record)
    }
    ahead.splice(0, ripe)
  }
  return nextMs
}

function isDelivery(record: EarlyRecord): record is EarlyRecord & DeliveryRecord {
  return record.delivery !== undefined
}

function begin({ partition, offset, bytes }: SourceRecord): void {
  partition.tracker.begin(offset)
  partition.records += 1
  partition.bytes += bytes
}

/** Held records count as under way: all of them together may take half of that. */
function heldByEach(lanes: readonly Lane[], { maxRecords }: Pick<LaneLimits, 'maxRecords'>): number {
  const holding = lanes.filter(({ tierDelayMs }) => tierDelayMs > 0 && tierDelayMs <= longestHoldMs)
  return Math.min(mostHeld, maxRecords / 2 / Math.max(1, holding.length))
}

/**
 * When a record may go on; 0 where nothing waits. The smallest tier's delay is one that may be waited for in memory: a
 * record that is to wait for less than those before it does not stand behind them.
 */
function readyAtMs({ partition, appendedMs, delivery }: EarlyRecord, held: number): number {
  if (partition.tierDelayMs === 0 || delivery === undefined) return 0
  if (partition.tierDelayMs <= longestHoldMs && partition.records < held) return 0
  return ripeAtMs(appendedMs, partition.tierDelayMs, delivery.notBeforeUs)
}

/** Whether more may be read: what is under way has to fit into memory. */
export function hasRoom(lanes: readonly Lane[], { maxRecords, maxBytes }: LaneLimits): boolean {
  return sum(lanes, ({ records }) => records) < maxRecords && sum(lanes, ({ bytes }) => bytes) < maxBytes
}

/**
 * Gives records that wait for their time back to Kafka when there are too many of them: of the partitions that wait
 * longest only the first one stays, the others are read again when it is ripe.
 */
export async function giveBack(
  consumer: KafkaConsumer,
  lanes: readonly Lane[],
  { maxRecords, maxBytes }: LaneLimits,
): Promise<void> {
  const tooMany = (): boolean =>
    sum(lanes, ({ ahead }) => ahead.length) > maxRecords / 2 ||
    sum(lanes, ({ ahead }) => sum(ahead, ({ bytes }) => bytes)) > maxBytes / 2
  if (!tooMany()) return
  const held = heldByEach(lanes, { maxRecords })
  const ripeness = (lane: Lane): number => (lane.ahead[0] === undefined ? 0 : readyAtMs(lane.ahead[0], held))
  for (const lane of lanes.toSorted((a, b) => ripeness(b) - ripeness(a))) {
    const second = lane.ahead[1]
    if (second === undefined) continue
    // Where it fails, the records stay: whether Kafka will hand them over again is not known then.
    await consumer.seek(
      { topic: lane.topic, partition: lane.partition, offset: second.offset },
      seekTimeoutMs,
    )
    lane.ahead.splice(1)
    if (!tooMany()) return
  }
}

/** Partitions of which more records are unfinished, in too many places, than a commit can tell of. */
export function findCrowded(lanes: readonly Lane[]): readonly Lane[] {
  return lanes.filter((lane) => progressBytes(lane) > crowdedBytes)
}

function progressBytes({ tracker }: Lane): number {
  const progress = tracker.unfinished() > neverCrowded ? tracker.progress() : undefined
  // What a former owner read already is told of in any case, and can only be finished by reading it again.
  if (progress !== undefined && (tracker.next() ?? 0) < progress.end) return 0
  return progress === undefined ? 0 : estimateBytes(progress)
}

/** Nothing more is read of partitions whose head waits, and of those whose progress could not be told any more. */
export function setPauses(consumer: KafkaConsumer, lanes: readonly Lane[], starved: boolean): void {
  const wanted = (lane: Lane): boolean =>
    starved || lane.ahead.length > 0 || progressBytes(lane) > (lane.paused ? crowdedBytes : fullBytes)
  const toPause = lanes.filter((lane) => !lane.paused && wanted(lane))
  const toResume = lanes.filter((lane) => lane.paused && !wanted(lane))
  if (toPause.length > 0) consumer.pause(toPause.map(({ topic, partition }) => ({ topic, partition })))
  for (const lane of toPause) lane.paused = true
  if (toResume.length > 0) consumer.resume(toResume.map(({ topic, partition }) => ({ topic, partition })))
  for (const lane of toResume) lane.paused = false
}

function sum<Item>(items: readonly Item[], read: (item: Item) => number): number {
  return items.reduce((total, item) => total + read(item), 0)
}
