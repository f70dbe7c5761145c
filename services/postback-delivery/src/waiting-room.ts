import type { DeliveryRecord } from './assigned-partition.ts'
import type { ReceiverQueue } from './receiver-queue.ts'
import type { Workload } from './workload.ts'

/** The memory for deliveries that wait for their turn, shared by all receivers. */
export interface WaitingRoom {
  entered(queue: ReceiverQueue, record: DeliveryRecord, nowMs: number): void
  left(record: DeliveryRecord): void
  waiting(): number
  /** Whether one more finds room, and room is left for others. */
  takes(queue: ReceiverQueue, bytes: number): boolean
  /** Whether it has room to spare. */
  isSpacious(queue: ReceiverQueue | undefined): boolean
  /**
   * A receiver whose queue is full, but which takes what waits for it within a moment, is waited for: putting that off
   * would take about as long as sending it. False when it is not as quick, or when others fill the memory without it.
   */
  awaits(queue: ReceiverQueue, nowMs: number): boolean
  /** Whether one is waited for: nothing more is to be read. */
  isHeldUp(nowMs: number): boolean
  /** Whether the queue was waited for, and has room again. */
  isRelieved(queue: ReceiverQueue, nowMs: number): boolean
}

export interface WaitingRoomLimits {
  /** Records that wait in all, and their bytes. */
  readonly maxWaiting: number
  readonly maxWaitingBytes: number
}

const momentMs = 2_000
/**
 * A receiver that takes so many a second is waited for as soon as `farAhead` wait for it. More would be of no use to it,
 * and what grows old in memory costs the garbage collector more than all else about it.
 */
const swiftPerSecond = 2_500
const farAhead = 1_000
/**
 * A receiver may seem slower because this process has no time for it. Where it has none for anything, a receiver that
 * gets at least half of all that is done is waited for too, down to this: putting its deliveries off would take as much
 * of the time that is short, and reading them again as much once more.
 */
const swiftWhileBusy = 500
/** Part of its room that a queue that was waited for has to have free. */
const relief = 1 / 4

export function createWaitingRoom(
  limits: WaitingRoomLimits,
  workload: Pick<Workload, 'limitPerSecond'>,
): WaitingRoom {
  const awaited = new Set<ReceiverQueue>()
  let waiting = 0
  let bytes = 0
  // A queue may have as many as are left: a few that are full leave room for all others.
  const left = (): number => limits.maxWaiting - waiting
  const isQuick = (queue: ReceiverQueue, nowMs: number): boolean =>
    (queue.waiting() + 1) * 1_000 <= queue.perSecond(nowMs) * momentMs
  const isSwift = (queue: ReceiverQueue, nowMs: number): boolean => {
    const perSecond = queue.perSecond(nowMs)
    if (perSecond >= swiftPerSecond) return true
    const limit = workload.limitPerSecond(nowMs)
    return limit !== undefined && perSecond >= swiftWhileBusy && perSecond * 2 >= limit
  }
  const isRelieved = (queue: ReceiverQueue, nowMs: number): boolean => {
    const room = isSwift(queue, nowMs) ? Math.min(left(), farAhead) : left()
    return queue.waiting() === 0 || queue.waiting() < room * (1 - relief)
  }
  // Where others alone fill the memory, its own deliveries make no room, and how long the others take is not known.
  const isWorthIt = (queue: ReceiverQueue, nowMs: number): boolean =>
    left() + queue.waiting() > 0 && isQuick(queue, nowMs)
  return {
    entered(queue, record, nowMs) {
      waiting += 1
      bytes += record.bytes
      if (queue.waiting() >= farAhead && isSwift(queue, nowMs)) awaited.add(queue)
    },
    left(record) {
      waiting -= 1
      bytes -= record.bytes
    },
    waiting: () => waiting,
    takes(queue, size) {
      // What can start at once takes no room; so a receiver gets its turn also while others have filled the memory.
      if (queue.waiting() === 0 && queue.inFlight < queue.place.concurrency) return true
      return queue.waiting() < left() && queue.waitingBytes() + size <= limits.maxWaitingBytes - bytes
    },
    isSpacious: (queue) => queue === undefined || queue.waiting() < left() / 2,
    awaits(queue, nowMs) {
      if (!isWorthIt(queue, nowMs)) return false
      awaited.add(queue)
      return true
    },
    isHeldUp(nowMs) {
      for (const queue of awaited)
        if (isRelieved(queue, nowMs) || !isWorthIt(queue, nowMs)) awaited.delete(queue)
      return awaited.size > 0
    },
    isRelieved: (queue, nowMs) => awaited.has(queue) && isRelieved(queue, nowMs),
  }
}
