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

/** What was confirmed since a moment. */
interface Stretch {
  readonly sinceMs: number
  bytes: number
  messages: number
}

/** Fewer tell of the way to Kafka and back, not of how much goes through. */
const tellingMessages = 4

/**
 * The age of the oldest unconfirmed message says how long those in front have waited; the bytes that wait, by the rate
 * of confirmations, how long the next one will. The rate counts from when the queue was last empty, and is not asked
 * while the queue is calm, nor before there is enough of it: what was confirmed one by one tells how little there was to
 * do, not how much could be done.
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
  let before: Stretch = { sinceMs: 0, bytes: 0, messages: 0 }
  let current = before

  return {
    enter(bytes) {
      const waiting = { bytes, sinceMs: now() }
      if (oldest === undefined) {
        oldest = waiting
        before = { sinceMs: waiting.sinceMs, bytes: 0, messages: 0 }
        current = before
      }
      queue.add(waiting)
      waitingBytes += bytes
      return waiting
    },
    leave(waiting, confirmed) {
      queue.delete(waiting)
      waitingBytes -= waiting.bytes
      if (waiting === oldest) oldest = queue.values().next().value
      if (!confirmed) return
      const atMs = now()
      // Moves on with confirmations only: a stall makes the stretch longer, and so the rate lower by and by.
      if (atMs - current.sinceMs > memoryMs) {
        before = current
        current = { sinceMs: atMs, bytes: 0, messages: 0 }
      }
      current.bytes += waiting.bytes
      current.messages += 1
    },
    expectedMs() {
      if (oldest === undefined) return 0
      const atMs = now()
      const ageMs = atMs - oldest.sinceMs
      if (ageMs < calmMs) return ageMs
      const isOne = before === current
      const overMs = atMs - before.sinceMs
      const messages = isOne ? current.messages : before.messages + current.messages
      if (messages < tellingMessages || overMs < memoryMs / 2) return ageMs
      const confirmedBytes = isOne ? current.bytes : before.bytes + current.bytes
      return Math.max(ageMs, (waitingBytes / confirmedBytes) * overMs)
    },
  }
}
