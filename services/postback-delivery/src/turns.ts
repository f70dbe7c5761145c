import type { ReceiverQueue } from './receiver-queue.ts'

/** Whose turn it is, of the receivers of which something can be started. */
export interface Turns {
  add(queue: ReceiverQueue): void
  /**
   * The next one; it has to be added again.
   * @param free connections that are left
   */
  take(free: number): ReceiverQueue | undefined
}

/** A receiver may have this many times the connections that are left: however many hang, some stay for the others. */
const greed = 4

export function createTurns(): Turns {
  const ready = new Set<ReceiverQueue>()
  // Those that have to wait until more are left.
  const greedy = new Set<ReceiverQueue>()
  const first = (queues: Set<ReceiverQueue>, most: number): ReceiverQueue | undefined => {
    for (const queue of queues) {
      if (queue.inFlight === 0 || queue.inFlight < most) {
        queues.delete(queue)
        return queue
      }
      ready.delete(queue)
      greedy.add(queue)
    }
    return undefined
  }
  return {
    add(queue) {
      if (!greedy.has(queue)) ready.add(queue)
    },
    take: (free) => first(ready, free * greed) ?? first(greedy, free * greed),
  }
}
