import type { ServiceError } from '@millrace/service-kit/errors'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import { kafkaIsBehind } from './kafka-is-behind.ts'
import { createQueueTime } from './queue-time.ts'

type Send = (message: OutgoingMessage) => Promise<number>

/** Keeps account of how long messages wait, so that a request is refused before its first message is sent. */
export interface GuardedSend {
  readonly send: Send
  /** Why no messages of so many bytes should be sent now. */
  overload(bytes: number): ServiceError | undefined
}

export function guardSend(
  deps: { readonly send: Send; readonly unconfirmedBytes: () => number },
  options: { readonly maxQueueMs: number; readonly maxUnconfirmedBytes: number },
): GuardedSend {
  const queue = createQueueTime({ calmMs: options.maxQueueMs / 4, memoryMs: options.maxQueueMs })
  return {
    async send(message) {
      const waiting = queue.enter(message.value.length)
      let confirmed = false
      try {
        const offset = await deps.send(message)
        confirmed = true
        return offset
      } finally {
        queue.leave(waiting, confirmed)
      }
    },
    overload(bytes) {
      const queueMs = queue.expectedMs()
      const unconfirmed = deps.unconfirmedBytes()
      // A request that is larger than the limit passes when nothing else waits.
      const full = unconfirmed > 0 && unconfirmed + bytes > options.maxUnconfirmedBytes
      return full || queueMs > options.maxQueueMs ? kafkaIsBehind(queueMs) : undefined
    },
  }
}
