/** How long what is handed to Kafka now will wait for its confirmation, told by what waits there already. */
export interface QueueTime {
  /** To be called when a message is handed over; its result when it is settled. */
  enter(bytes: number): Waiting
  /** `confirmed` is false for a message that was given up: it tells nothing of the rate. */
  leave(waiting: Waiting, confirmed: boolean): void
  /** Milliseconds; 0 when nothing waits. */
  expectedMs(): number
}

export interface Waiting {
  readonly bytes: number
  readonly sinceMs: number
}

export interface QueueTimeOptions {
  /** A wait that is of no concern: below it only the oldest message's age is told, without a forecast. */
  readonly calmMs: number
  /** How far back the rate of confirmations reaches. */
  readonly memoryMs: number
  /** Milliseconds by a clock that never goes back. */
  readonly now?: () => number
}

/**
 * The age of the oldest unconfirmed message says how long those in front have waited; the bytes that wait, by the rate
 * of confirmations, how long the next one will. The rate counts time only in which something waited, and is not asked
 * while the queue is calm: with little traffic it tells how little there was to do, not how much could be done.
 */
export function createQueueTime({
  calmMs,
  memoryMs,
  now = () => performance.now(),
}: QueueTimeOptions): QueueTime {
  // In the order of their sending, so that the first is the oldest.
  const queue = new Set<Waiting>()
  let oldest: Waiting | undefined
  let waitingBytes = 0
  // Both fade with the time in which something waited.
  let confirmedBytes = 0
  let busyMs = 0
  let advancedAtMs = 0

  const advance = (atMs: number): void => {
    const kept = Math.exp((advancedAtMs - atMs) / memoryMs)
    confirmedBytes *= kept
    busyMs = busyMs * kept + memoryMs * (1 - kept)
    advancedAtMs = atMs
  }
  return {
    enter(bytes) {
      const waiting = { bytes, sinceMs: now() }
      if (oldest === undefined) {
        oldest = waiting
        advancedAtMs = waiting.sinceMs
      }
      queue.add(waiting)
      waitingBytes += bytes
      return waiting
    },
    leave(waiting, confirmed) {
      advance(now())
      queue.delete(waiting)
      waitingBytes -= waiting.bytes
      if (confirmed) confirmedBytes += waiting.bytes
      if (waiting === oldest) oldest = queue.values().next().value
    },
    expectedMs() {
      if (oldest === undefined) return 0
      const atMs = now()
      const ageMs = atMs - oldest.sinceMs
      if (ageMs < calmMs) return ageMs
      advance(atMs)
      return confirmedBytes < 1 ? ageMs : Math.max(ageMs, (waitingBytes / confirmedBytes) * busyMs)
    },
  }
}
