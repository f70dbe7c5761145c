import type { AssignedPartition, DeliveryRecord } from './assigned-partition.ts'
import type { Gate } from './breakers.ts'
import { createReceiverQueue, type QueuePlace, type ReceiverQueue, takeOldest } from './receiver-queue.ts'
import { createTurns } from './turns.ts'

/**
 * Deliveries that are due. Each receiver has a queue, connections and a rate of its own, and receivers take turns, so
 * that a slow one delays only itself. What finds no room is put off; nobody waits for it.
 */
export interface AttemptQueue {
  add(record: DeliveryRecord, place: QueuePlace): void
  /** Whether it would be taken now, with room to spare: worth being looked at before its time. */
  hasRoomFor(queueKey: string): boolean
  /** Puts off the oldest waiting records of a partition, at most so many. */
  relieve: (partition: AssignedPartition, count: number) => void
  /** Starts what may be started. Call it when `mayStart` may have changed. */
  pump(): void
  /** The same, when one receiver's gate may have changed. */
  recheck: (queueKey: string) => void
  inFlight(): number
  waiting(): number
  /** Of the receivers that have something in hand. */
  depths(): { readonly receivers: number; readonly longest: number }
  depthOf(queueKey: string): { readonly waiting: number; readonly inFlight: number }
  /** Starts nothing more. */
  stop(): void
}

/** Why a delivery is put off: its receiver's queue is full, it is not to be asked now, or its partition is too far ahead. */
export type PutOffReason = 'full' | 'breaker' | 'crowded'

export interface AttemptQueueDeps {
  /** Runs one attempt; must not reject. */
  readonly attempt: (record: DeliveryRecord, isProbe: boolean) => Promise<void>
  /** @param notBeforeMs when there may be room, milliseconds since 1970 */
  readonly putOff: (record: DeliveryRecord, notBeforeMs: number, reason: PutOffReason) => void
  readonly gate: (queueKey: string, leaseMs: number) => Gate
  /** False while too many outcomes are not written down. */
  readonly mayStart: () => boolean
  /** An attempt is over, and no longer counted as under way. */
  readonly onFinished: () => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface AttemptQueueLimits {
  /** Requests under way in all. */
  readonly concurrency: number
  /** Records that wait in all, and their bytes. */
  readonly maxWaiting: number
  readonly maxWaitingBytes: number
}

/** A queue may take this part of what is free: a few that are full leave room for all others. */
const waitingPart = 1 / 4
const sweepMs = 10_000
/** A probe's time is over so long after its request must have ended. */
const probeSlackMs = 10_000

export function createAttemptQueue(deps: AttemptQueueDeps, limits: AttemptQueueLimits): AttemptQueue {
  return new Queues(deps, limits)
}

class Queues implements AttemptQueue {
  readonly #deps: AttemptQueueDeps
  readonly #limits: AttemptQueueLimits
  readonly #queues = new Map<string, ReceiverQueue>()
  readonly #turns = createTurns()
  readonly #timers = new Map<ReceiverQueue, NodeJS.Timeout>()
  readonly #sweep: NodeJS.Timeout
  #inFlight = 0
  #waiting = 0
  #waitingBytes = 0
  #stopped = false

  constructor(deps: AttemptQueueDeps, limits: AttemptQueueLimits) {
    this.#deps = deps
    this.#limits = limits
    this.#sweep = setInterval(() => this.#forget(), sweepMs)
    this.#sweep.unref()
  }

  add(record: DeliveryRecord, place: QueuePlace): void {
    const queue = this.#open(place)
    if ((record.delivery.putOff ?? 0) > 0) queue.slots.returned()
    if (!this.#hasRoom(queue, record.bytes)) this.#putOff(queue, record, 'full')
    else {
      queue.push(record)
      this.#waiting += 1
      this.#waitingBytes += record.bytes
      this.#place(queue)
      this.pump()
    }
  }

  hasRoomFor(queueKey: string): boolean {
    const queue = this.#queues.get(queueKey)
    if (queue === undefined) return true
    return queue.waiting() < this.#longest() / 2 && queue.paceMs(this.#deps.now()) === 0
  }

  relieve = (partition: AssignedPartition, count: number): void => {
    for (const { queue, record } of takeOldest(this.#queues.values(), partition, count)) {
      this.#left(record)
      this.#putOff(queue, record, 'crowded')
    }
  }

  pump(): void {
    while (!this.#stopped && this.#inFlight < this.#limits.concurrency && this.#deps.mayStart()) {
      const queue = this.#turns.take(this.#limits.concurrency - this.#inFlight)
      if (queue === undefined) return
      this.#serve(queue)
    }
  }

  recheck = (queueKey: string): void => {
    const queue = this.#queues.get(queueKey)
    if (queue === undefined) return
    this.#place(queue)
    this.pump()
  }

  inFlight = (): number => this.#inFlight
  waiting = (): number => this.#waiting

  depths(): { receivers: number; longest: number } {
    let longest = 0
    for (const queue of this.#queues.values()) longest = Math.max(longest, queue.waiting())
    return { receivers: this.#queues.size, longest }
  }

  depthOf(queueKey: string): { waiting: number; inFlight: number } {
    const queue = this.#queues.get(queueKey)
    return { waiting: queue?.waiting() ?? 0, inFlight: queue?.inFlight ?? 0 }
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#sweep)
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #open(place: QueuePlace): ReceiverQueue {
    let queue = this.#queues.get(place.queueKey)
    if (queue === undefined) {
      queue = createReceiverQueue(place)
      this.#queues.set(place.queueKey, queue)
    }
    queue.place = place
    return queue
  }

  /** How many records one queue may have. */
  #longest(): number {
    return (this.#limits.maxWaiting - this.#waiting) * waitingPart
  }

  #hasRoom(queue: ReceiverQueue, bytes: number): boolean {
    // What can start at once takes no room; so a receiver gets its turn also while others have filled the memory.
    if (queue.waiting() === 0 && queue.inFlight < queue.place.concurrency) return true
    const freeBytes = this.#limits.maxWaitingBytes - this.#waitingBytes
    return queue.waiting() < this.#longest() && queue.waitingBytes() + bytes <= freeBytes * waitingPart
  }

  /** Puts the queue where it will be looked at when something can be started of it. */
  #place(queue: ReceiverQueue): void {
    if (queue.waiting() === 0 || queue.inFlight >= queue.place.concurrency) return
    const waitMs = queue.paceMs(this.#deps.now())
    if (waitMs <= 0) this.#turns.add(queue)
    else this.#placeLater(queue, waitMs)
  }

  #placeLater(queue: ReceiverQueue, waitMs: number): void {
    if (this.#timers.has(queue) || this.#stopped) return
    const timer = setTimeout(() => {
      this.#timers.delete(queue)
      this.#place(queue)
      this.pump()
    }, Math.ceil(waitMs))
    this.#timers.set(queue, timer)
  }

  #serve(queue: ReceiverQueue): void {
    const record = queue.first()
    if (record === undefined) return
    // The partition's next owner reads it again.
    if (record.partition.state !== 'owned') {
      this.#takeFirst(queue)
      this.#place(queue)
      return
    }
    const gate = this.#deps.gate(queue.key, queue.place.timeoutMs + probeSlackMs)
    if (gate === 'asking') return
    if (gate === 'go' || gate === 'probe') this.#start(queue, record, gate === 'probe')
    else this.#putOffAll(queue, gate.untilMs)
    this.#place(queue)
  }

  #start(queue: ReceiverQueue, record: DeliveryRecord, isProbe: boolean): void {
    this.#takeFirst(queue)
    const startedMs = this.#deps.now()
    queue.started(startedMs)
    this.#inFlight += 1
    record.partition.inFlight += 1
    void this.#deps.attempt(record, isProbe).then(() => {
      queue.ended(this.#deps.now() - startedMs)
      this.#inFlight -= 1
      record.partition.inFlight -= 1
      this.#place(queue)
      this.#deps.onFinished()
      this.pump()
    })
  }

  #takeFirst(queue: ReceiverQueue): void {
    const record = queue.takeFirst()
    if (record !== undefined) this.#left(record)
  }

  #left({ bytes }: DeliveryRecord): void {
    this.#waiting -= 1
    this.#waitingBytes -= bytes
  }

  #putOffAll(queue: ReceiverQueue, untilMs: number): void {
    for (const record of queue.takeAll(() => true)) {
      this.#left(record)
      this.#putOff(queue, record, 'breaker', untilMs)
    }
  }

  #putOff(queue: ReceiverQueue, record: DeliveryRecord, reason: PutOffReason, afterMs = 0): void {
    if (record.partition.state !== 'owned') return
    const nowMs = this.#deps.now()
    const slotMs = queue.nextSlotMs(nowMs)
    this.#deps.putOff(record, Math.max(0, afterMs - nowMs) + slotMs, reason)
  }

  #forget(): void {
    const nowMs = this.#deps.now()
    for (const [key, queue] of this.#queues) if (queue.isForgettable(nowMs)) this.#queues.delete(key)
  }
}
