import type { DeliveryRecord } from './assigned-partition.ts'
import type { SendTarget } from './resolve-target.ts'

/** Deliveries that are due: each receiver has a queue and connections of its own, so that a slow one delays only itself. */
export interface AttemptQueue {
  add(record: DeliveryRecord, place: QueuePlace): void
  /** Starts what may be started. Call it when `mayStart` may have changed. */
  pump(): void
  inFlight(): number
  waiting(): number
  /** Starts nothing more. */
  stop(): void
}

export type QueuePlace = Pick<SendTarget, 'queueKey' | 'concurrency'>

export interface AttemptQueueDeps {
  /** Runs one attempt; must not reject. */
  readonly attempt: (record: DeliveryRecord) => Promise<void>
  /** False while too many outcomes are not written down. */
  readonly mayStart: () => boolean
  /** An attempt is over, and no longer counted as under way. */
  readonly onFinished: () => void
}

interface ReceiverQueue {
  readonly key: string
  readonly records: DeliveryRecord[]
  /** Index of the first record that waits. */
  head: number
  inFlight: number
  /** As it was when the last record came. */
  concurrency: number
}

export function createAttemptQueue(deps: AttemptQueueDeps, limits: { concurrency: number }): AttemptQueue {
  const queues = new Map<string, ReceiverQueue>()
  // Those with a record that waits and a connection that is free, in turn.
  const ready = new Set<ReceiverQueue>()
  let inFlight = 0
  let waiting = 0
  let stopped = false

  const place = (queue: ReceiverQueue): void => {
    const some = queue.head < queue.records.length
    if (some && queue.inFlight < queue.concurrency) ready.add(queue)
    if (!some && queue.inFlight === 0) queues.delete(queue.key)
  }
  const start = (queue: ReceiverQueue, record: DeliveryRecord): void => {
    inFlight += 1
    queue.inFlight += 1
    record.partition.inFlight += 1
    void deps.attempt(record).then(() => {
      inFlight -= 1
      queue.inFlight -= 1
      record.partition.inFlight -= 1
      place(queue)
      deps.onFinished()
      pump()
    })
  }
  const pump = (): void => {
    while (!stopped && inFlight < limits.concurrency && deps.mayStart()) {
      const queue: ReceiverQueue | undefined = ready.values().next().value
      if (queue === undefined) return
      ready.delete(queue)
      const record = takeFirst(queue)
      if (record !== undefined) {
        waiting -= 1
        // The partition's next owner reads it again.
        if (record.partition.state === 'owned') start(queue, record)
      }
      place(queue)
    }
  }

  return {
    add(record, { queueKey: key, concurrency }) {
      let queue = queues.get(key)
      if (queue === undefined) {
        queue = { key, records: [], head: 0, inFlight: 0, concurrency }
        queues.set(key, queue)
      }
      queue.concurrency = concurrency
      queue.records.push(record)
      waiting += 1
      place(queue)
      pump()
    },
    pump,
    inFlight: () => inFlight,
    waiting: () => waiting,
    stop() {
      stopped = true
    },
  }
}

function takeFirst(queue: ReceiverQueue): DeliveryRecord | undefined {
  const record = queue.records[queue.head]
  queue.head += 1
  // Moving the rest to the front now and then keeps taking cheap and memory bounded.
  if (queue.head > 64 && queue.head * 2 > queue.records.length) {
    queue.records.splice(0, queue.head)
    queue.head = 0
  }
  return record
}
