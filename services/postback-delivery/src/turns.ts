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

/** A receiver may have this many times the connections that are left. */
const greed = 4
/** Part of all connections that stays for receivers that have none: however many hang, the others get their turn. */
const reserve = 1 / 16

/** @param all connections that there may be */
export function createTurns(all: number): Turns {
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
    take(free) {
      const most = (free - all * reserve) * greed
      return first(ready, most) ?? first(greedy, most)
    },
  }
}
