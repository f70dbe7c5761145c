import { setTimeout as delay } from 'node:timers/promises'
import { DeliveryState } from '@millrace/proto'
import { deliveryStateTopic } from '@millrace/proto/topics'
import type { OutgoingRecord } from '@millrace/service-kit/kafka-producer'
import type { Logger } from '@millrace/service-kit/log'

/** Tells the other instances, and the next start of this one, what holds beyond single deliveries. */
export interface DeliveryStateWriter {
  /**
   * Writes it down in the background, until Kafka has it or something newer is put under the key.
   * @param state undefined ends what the key stood for
   */
  put(key: string, state: Told | undefined): void
  /** Waits until all of it is written, at most that long. */
  stop(timeoutMs: number): Promise<void>
}

export type Told = Pick<DeliveryState, 'tenant' | 'state'>

export interface DeliveryStateWriterDeps {
  /** Resolves once Kafka has it. */
  readonly send: (message: OutgoingRecord) => Promise<unknown>
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const retryMs = 500

export function createDeliveryStateWriter(
  deps: DeliveryStateWriterDeps,
  config: { kafkaTopicPrefix: string; instance: string },
): DeliveryStateWriter {
  const topic = config.kafkaTopicPrefix + deliveryStateTopic.name
  // The newest of each key that is not written yet.
  const pending = new Map<string, OutgoingRecord>()
  let running: Promise<void> | undefined
  let stopped = false

  const write = async (key: string, message: OutgoingRecord): Promise<boolean> => {
    try {
      await deps.send(message)
      // What was put meanwhile is to be written yet.
      if (pending.get(key) === message) pending.delete(key)
      return true
    } catch (error) {
      deps.logger.debug({ part: 'delivery-state', err: error }, 'state is written later')
      return false
    }
  }
  const run = async (): Promise<void> => {
    while (pending.size > 0) {
      const written = await Promise.all([...pending].map(([key, message]) => write(key, message)))
      if (written.includes(false)) {
        if (stopped) break
        await delay(retryMs)
      }
    }
    running = undefined
  }
  return {
    put(key, told) {
      const value = told && encodeState(told, config.instance, deps.now())
      pending.set(key, { topic, partition: 0, key, value: value ?? null } as OutgoingRecord)
      running ??= Promise.resolve().then(run)
    },
    async stop(timeoutMs) {
      stopped = true
      await Promise.race([running, delay(timeoutMs, undefined, { ref: false })])
    },
  }
}

/** Value of a message of millrace.delivery-state. */
export function encodeState({ tenant, state }: Told, instance: string, nowMs: number): Buffer {
  const message = { tenant, state, instance, writtenAtUs: nowMs * 1_000 }
  return Buffer.from(DeliveryState.encode(message).finish())
}
