import type { AssignedPartition, DeliveryRecord } from './assigned-partition.ts'
import { createPace, type Pace } from './pace.ts'
import { createPutOffSlots, type PutOffSlots } from './put-off-slots.ts'
import { createThroughput } from './throughput.ts'

/** Where a delivery waits for its turn, and what its receiver takes. */
export interface QueuePlace {
  readonly queueKey: string
  /** Requests of the queue that may be under way at a time, from this instance. */
  readonly concurrency: number
  /** Requests that may be started in a second, from this instance. */
  readonly ratePerSecond?: number
  /** How long one may take. */
  readonly timeoutMs: number
}

/** Deliveries to one receiver that wait in memory, first in, first out. */
export interface ReceiverQueue {
  readonly key: string
  /** As it was when the last record came. */
  place: QueuePlace
  readonly slots: PutOffSlots
  inFlight: number
  /** Takes a record in. */
  push(record: DeliveryRecord, nowMs: number): void
  first(): DeliveryRecord | undefined
  takeFirst(): DeliveryRecord | undefined
  /** Takes those out, in their order. */
  takeAll(matches: (record: DeliveryRecord) => boolean): readonly DeliveryRecord[]
  waiting(): number
  waitingBytes(): number
  /** Milliseconds until its rate lets the next request go. */
  paceMs(nowMs: number): number
  started(nowMs: number): void
  ended(nowMs: number, durationMs: number): void
  /** What its receiver takes. */
  perSecond(nowMs: number): number
  /**
   * When a record that finds no room may come back: milliseconds since 1970.
   * @param recovers its receiver is not asked now: how fast it will be then is a guess
   */
  nextSlotMs(nowMs: number, record: DeliveryRecord, recovers: boolean): number
  /** Nothing is left of it that a new queue would not have. */
  isForgettable(nowMs: number): boolean
}

/** Deliveries rather come back a little early, and are put off once more, than that their receiver waits for them. */
const haste = 1.25
/** What a request is expected to take when a receiver is back. */
const recoveredMs = 100

export function createReceiverQueue(place: QueuePlace): ReceiverQueue {
  const records: DeliveryRecord[] = []
  const slots = createPutOffSlots()
  // Index of the first record that waits.
  let head = 0
  let bytes = 0
  const throughput = createThroughput()
  let pace: Pace | undefined

  const compact = (): void => {
    // Moving the rest to the front now and then keeps taking cheap and memory bounded.
    if (head <= 64 || head * 2 <= records.length) return
    records.splice(0, head)
    head = 0
  }
  const currentPace = ({ ratePerSecond }: QueuePlace): Pace | undefined => {
    if (ratePerSecond === undefined) pace = undefined
    else if (pace === undefined) pace = createPace(ratePerSecond)
    else pace.change(ratePerSecond)
    return pace
  }
  const queue: ReceiverQueue = {
    key: place.queueKey,
    place,
    slots,
    inFlight: 0,
    push(record, nowMs) {
      if (records.length === head && queue.inFlight === 0) throughput.busy(nowMs)
      records.push(record)
      bytes += record.bytes
    },
    first: () => records[head],
    takeFirst() {
      const record = records[head]
      if (record === undefined) return undefined
      head += 1
      bytes -= record.bytes
      compact()
      return record
    },
    takeAll(matches) {
      const waiting = records.splice(head)
      records.length = 0
      head = 0
      const taken: DeliveryRecord[] = []
      for (const record of waiting) {
        if (!matches(record)) records.push(record)
        else {
          taken.push(record)
          bytes -= record.bytes
        }
      }
      return taken
    },
    waiting: () => records.length - head,
    waitingBytes: () => bytes,
    paceMs: (nowMs) => currentPace(queue.place)?.waitMs(nowMs) ?? 0,
    started(nowMs) {
      queue.inFlight += 1
      pace?.take(nowMs)
    },
    ended(nowMs, durationMs) {
      queue.inFlight -= 1
      throughput.ended(nowMs, durationMs)
    },
    perSecond(nowMs) {
      const { concurrency, timeoutMs, ratePerSecond = Number.POSITIVE_INFINITY } = queue.place
      const slowest = (concurrency * 1_000) / timeoutMs
      return Math.min(ratePerSecond, Math.max(slowest, throughput.perSecond(nowMs, concurrency)))
    },
    nextSlotMs(nowMs, { delivery }, recovers) {
      const { concurrency, ratePerSecond = Number.POSITIVE_INFINITY } = queue.place
      const perSecond = recovers
        ? Math.min(ratePerSecond, (concurrency * 1_000) / recoveredMs)
        : queue.perSecond(nowMs)
      return slots.next(nowMs, records.length - head, perSecond * haste, delivery.putOff ?? 0)
    },
    isForgettable: (nowMs) =>
      records.length === head &&
      queue.inFlight === 0 &&
      nowMs >= slots.lastMs() &&
      nowMs >= (pace?.forgetsAtMs() ?? 0),
  }
  return queue
}

/** The first records of a partition that wait in any of the queues, by their offsets. */
export function takeOldest(
  queues: Iterable<ReceiverQueue>,
  partition: AssignedPartition,
  count: number,
  nowMs: number,
): readonly { queue: ReceiverQueue; record: DeliveryRecord }[] {
  const found: { queue: ReceiverQueue; record: DeliveryRecord }[] = []
  for (const queue of queues)
    for (const record of queue.takeAll((one) => one.partition === partition)) found.push({ queue, record })
  found.sort((a, b) => a.record.offset - b.record.offset)
  for (const { queue, record } of found.slice(count)) queue.push(record, nowMs)
  return found.slice(0, count)
}
