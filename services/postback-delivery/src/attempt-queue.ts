import type { AssignedPartition, DeliveryRecord } from './assigned-partition.ts'
import type { Gate } from './breakers.ts'
import { createReceiverQueue, type QueuePlace, type ReceiverQueue, takeOldest } from './receiver-queue.ts'
import { createTurns, type Turns } from './turns.ts'
import { createWaitingRoom, type WaitingRoom, type WaitingRoomLimits } from './waiting-room.ts'
import { createWorkload, type Workload } from './workload.ts'

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
  /**
   * Whether reading has to wait: a receiver that takes all that waits for it within a moment has no room. Putting that
   * off would take about as long as sending it.
   */
  isHeldUp: () => boolean
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
  /** A receiver that reading waits for has room again. */
  readonly onRoom: () => void
  /** An attempt is over, and no longer counted as under way. */
  readonly onFinished: () => void
  /** The part of its time that this process has been busy since it was last asked, up to 1. */
  readonly busyShare: () => number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface AttemptQueueLimits extends WaitingRoomLimits {
  /** Requests under way in all. */
  readonly concurrency: number
}

const sweepMs = 10_000
/** A probe's time is over so long after its request must have ended. */
const probeSlackMs = 10_000
/** A timer set for later than this goes off at once, over and over. */
const longestTimerMs = 2 ** 31 - 1

export function createAttemptQueue(deps: AttemptQueueDeps, limits: AttemptQueueLimits): AttemptQueue {
  return new Queues(deps, limits)
}

class Queues implements AttemptQueue {
  readonly #deps: AttemptQueueDeps
  readonly #limits: AttemptQueueLimits
  readonly #queues = new Map<string, ReceiverQueue>()
  readonly #turns: Turns
  readonly #room: WaitingRoom
  readonly #workload: Workload
  readonly #timers = new Map<ReceiverQueue, NodeJS.Timeout>()
  readonly #sweep: NodeJS.Timeout
  #inFlight = 0
  #stopped = false

  constructor(deps: AttemptQueueDeps, limits: AttemptQueueLimits) {
    this.#deps = deps
    this.#limits = limits
    this.#workload = createWorkload(deps.busyShare)
    this.#room = createWaitingRoom(limits, this.#workload)
    this.#turns = createTurns(limits.concurrency)
    this.#sweep = setInterval(() => this.#forget(), sweepMs)
    this.#sweep.unref()
  }

  add(record: DeliveryRecord, place: QueuePlace): void {
    const queue = this.#open(place)
    if ((record.delivery.putOff ?? 0) > 0) queue.slots.returned()
    const nowMs = this.#deps.now()
    if (!this.#room.takes(queue, record.bytes) && !this.#room.awaits(queue, nowMs)) {
      this.#putOff(queue, record, 'full')
      return
    }
    queue.push(record, nowMs)
    this.#room.entered(queue, record, nowMs)
    this.#place(queue)
    this.pump()
  }

  hasRoomFor(queueKey: string): boolean {
    const queue = this.#queues.get(queueKey)
    return this.#room.isSpacious(queue) && (queue?.paceMs(this.#deps.now()) ?? 0) === 0
  }

  relieve = (partition: AssignedPartition, count: number): void => {
    for (const { queue, record } of takeOldest(this.#queues.values(), partition, count, this.#deps.now())) {
      this.#room.left(record)
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

  isHeldUp = (): boolean => this.#room.isHeldUp(this.#deps.now())
  inFlight = (): number => this.#inFlight
  waiting = (): number => this.#room.waiting()

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

  /** Puts the queue where it will be looked at when something can be started of it. */
  #place(queue: ReceiverQueue): void {
    if (queue.waiting() === 0 || queue.inFlight >= queue.place.concurrency) return
    const waitMs = queue.paceMs(this.#deps.now())
    if (waitMs <= 0) this.#turns.add(queue)
    else this.#placeLater(queue, waitMs)
  }

  #placeLater(queue: ReceiverQueue, waitMs: number): void {
    if (this.#timers.has(queue) || this.#stopped) return
    const timer = setTimeout(
      () => {
        this.#timers.delete(queue)
        this.#place(queue)
        this.pump()
      },
      Math.min(longestTimerMs, Math.ceil(waitMs)),
    )
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
      const endedMs = this.#deps.now()
      queue.ended(endedMs, endedMs - startedMs)
      this.#workload.done(endedMs)
      this.#inFlight -= 1
      record.partition.inFlight -= 1
      this.#place(queue)
      if (this.#room.isRelieved(queue, endedMs)) this.#deps.onRoom()
      this.#deps.onFinished()
      this.pump()
    })
  }

  #takeFirst(queue: ReceiverQueue): void {
    const record = queue.takeFirst()
    if (record !== undefined) this.#room.left(record)
  }

  #putOffAll(queue: ReceiverQueue, untilMs: number): void {
    for (const record of queue.takeAll(() => true)) {
      this.#room.left(record)
      this.#putOff(queue, record, 'breaker', untilMs)
    }
  }

  #putOff(queue: ReceiverQueue, record: DeliveryRecord, reason: PutOffReason, afterMs = 0): void {
    if (record.partition.state !== 'owned') return
    const nowMs = this.#deps.now()
    this.#workload.done(nowMs)
    const slotMs = queue.nextSlotMs(nowMs, record, reason === 'breaker')
    this.#deps.putOff(record, Math.max(0, afterMs - nowMs) + slotMs, reason)
  }

  #forget(): void {
    const nowMs = this.#deps.now()
    for (const [key, queue] of this.#queues) if (queue.isForgettable(nowMs)) this.#queues.delete(key)
  }
}
