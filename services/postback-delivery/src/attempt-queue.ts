import type { DeliveryRecord } from './assigned-partition.ts'

/** Deliveries that are due: each origin has a queue and connections of its own, so that a slow one delays only itself. */
export interface AttemptQueue {
  add(record: DeliveryRecord): void
  /** Starts what may be started. Call it when `mayStart` may have changed. */
  pump(): void
  inFlight(): number
  waiting(): number
  /** Starts nothing more. */
  stop(): void
}

export interface AttemptQueueDeps {
  /** Runs one attempt; must not reject. */
  readonly attempt: (record: DeliveryRecord) => Promise<void>
  /** False while too many outcomes are not written down. */
  readonly mayStart: () => boolean
  /** An attempt is over, and no longer counted as under way. */
  readonly onFinished: () => void
}

interface OriginQueue {
  readonly origin: string
  readonly records: DeliveryRecord[]
  /** Index of the first record that waits. */
  head: number
  inFlight: number
}

export function createAttemptQueue(
  deps: AttemptQueueDeps,
  limits: { concurrency: number; concurrencyPerOrigin: number },
): AttemptQueue {
  const origins = new Map<string, OriginQueue>()
  // Origins with a record that waits and a connection that is free, in turn.
  const ready = new Set<OriginQueue>()
  let inFlight = 0
  let waiting = 0
  let stopped = false

  const place = (queue: OriginQueue): void => {
    const some = queue.head < queue.records.length
    if (some && queue.inFlight < limits.concurrencyPerOrigin) ready.add(queue)
    if (!some && queue.inFlight === 0) origins.delete(queue.origin)
  }
  const start = (queue: OriginQueue, record: DeliveryRecord): void => {
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
      const queue: OriginQueue | undefined = ready.values().next().value
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
    add(record) {
      const origin = originOf(record.delivery.request?.url ?? '')
      let queue = origins.get(origin)
      if (queue === undefined) {
        queue = { origin, records: [], head: 0, inFlight: 0 }
        origins.set(origin, queue)
      }
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

function takeFirst(queue: OriginQueue): DeliveryRecord | undefined {
  const record = queue.records[queue.head]
  queue.head += 1
  // Moving the rest to the front now and then keeps taking cheap and memory bounded.
  if (queue.head > 64 && queue.head * 2 > queue.records.length) {
    queue.records.splice(0, queue.head)
    queue.head = 0
  }
  return record
}

/** Scheme and authority as the template has them: macros are not allowed there. */
function originOf(url: string): string {
  return /^[a-z]+:\/\/[^/?#\\]*/i.exec(url)?.[0].toLowerCase() ?? ''
}
