import { crc32 } from 'node:zlib'
import type { ServiceError } from '@millrace/service-kit/errors'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import { kafkaIsBehind } from './kafka-is-behind.ts'
import { createQueueTime, type QueueTime } from './queue-time.ts'

type Send = (message: OutgoingMessage) => Promise<number>

/** Keeps account of how long messages wait, so that a request is refused before its first message is sent. */
export interface GuardedSend {
  readonly send: Send
  /** Why no messages of so many bytes should be sent now. */
  overload(bytes: number): ServiceError | undefined
}

export interface GuardedSendDeps {
  readonly send: Send
  readonly unconfirmedBytes: () => number
  /** Of the topic; undefined while Kafka has not been reached. */
  readonly partitions: () => number | undefined
}

/**
 * For messages whose order does not matter. Each goes to the partition of its key or, while that one is slow, to the
 * one that is quickest now: one broker that is behind stops nobody, as long as another is not.
 */
export function guardSend(
  deps: GuardedSendDeps,
  options: { readonly maxQueueMs: number; readonly maxUnconfirmedBytes: number },
): GuardedSend {
  const queues: QueueTime[] = []
  const queueOf = (partition: number): QueueTime => {
    let queue = queues[partition]
    if (queue === undefined) {
      queue = createQueueTime({ calmMs: options.maxQueueMs / 4, memoryMs: options.maxQueueMs })
      queues[partition] = queue
    }
    return queue
  }
  const quickest = (count: number): { partition: number; queueMs: number } => {
    let found = { partition: 0, queueMs: queueOf(0).expectedMs() }
    for (let partition = 1; partition < count && found.queueMs > 0; partition += 1) {
      const queueMs = queueOf(partition).expectedMs()
      if (queueMs < found.queueMs) found = { partition, queueMs }
    }
    return found
  }
  const placeOf = (key: string | Buffer, count: number): number => {
    const own = crc32(key) % count
    return queueOf(own).expectedMs() > options.maxQueueMs ? quickest(count).partition : own
  }
  return {
    async send(message) {
      const count = deps.partitions()
      const partition = count === undefined ? undefined : placeOf(message.key ?? '', count)
      const queue = queueOf(partition ?? 0)
      const waiting = queue.enter(message.value.length)
      let confirmed = false
      try {
        const offset = await deps.send(partition === undefined ? message : { ...message, partition })
        confirmed = true
        return offset
      } finally {
        queue.leave(waiting, confirmed)
      }
    },
    overload(bytes) {
      const { queueMs } = quickest(deps.partitions() ?? 1)
      const unconfirmed = deps.unconfirmedBytes()
      // A request that is larger than the limit passes when nothing else waits.
      const full = unconfirmed > 0 && unconfirmed + bytes > options.maxUnconfirmedBytes
      return full || queueMs > options.maxQueueMs ? kafkaIsBehind(queueMs) : undefined
    },
  }
}
