import type { DeliveryState } from '@millrace/proto'

/** What millrace.delivery-state says now: the last state of each key, in memory. */
export interface DeliveryStateStore {
  get(key: string): DeliveryState | undefined
  /** Of the keys that begin so. */
  withPrefix(prefix: string): Iterable<readonly [string, DeliveryState]>
  /** @param state undefined ends what the key stood for */
  apply(key: string, state: DeliveryState | undefined): void
  /**
   * Calls it with every further change, in the order of the topic, after it was applied.
   * @returns stops calling it
   */
  onChange(listener: DeliveryStateListener): () => void
}

export type DeliveryStateListener = (key: string, state: DeliveryState | undefined) => void

/** Keys of the topic's messages. */
export const deliveryStateKey = {
  breaker: (queueKey: string) => `breaker/${queueKey}`,
  probe: (queueKey: string) => `probe/${queueKey}`,
  instance: (instance: string) => `instance/${instance}`,
  hold: (tenant: string, endpoint: string) => `hold/${tenant}/${endpoint}`,
  replay: (tenant: string, replay: string) => `replay/${tenant}/${replay}`,
  replayPart: (tenant: string, replay: string, topic: string, partition: number) =>
    `replay/${tenant}/${replay}/${topic}/${partition}`,
} as const

export function createDeliveryStateStore(): DeliveryStateStore {
  const states = new Map<string, DeliveryState>()
  const listeners = new Set<DeliveryStateListener>()
  return {
    get: (key) => states.get(key),
    *withPrefix(prefix) {
      for (const entry of states) if (entry[0].startsWith(prefix)) yield entry
    },
    apply(key, state) {
      if (state === undefined) states.delete(key)
      else states.set(key, state)
      for (const listener of listeners) listener(key, state)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
