import { type DeliveryStateStore, deliveryStateKey } from '@millrace/catalog/delivery-state-store'
import type { BreakerState, DeliveryState } from '@millrace/proto'
import type { DeliveryStateWriter } from './delivery-state-writer.ts'

/** Whose requests a breaker may keep back. */
export interface Receiver {
  readonly tenant: string
  readonly queueKey: string
  /** Empty for postbacks. */
  readonly endpoint: string
}

/** What the instances have told each other of receivers; of most there is nothing to tell. */
export interface BreakerStates {
  get(queueKey: string): BreakerState
  /** Counts here at once, and elsewhere as soon as it has gone through Kafka. */
  tell(receiver: Receiver, state: Omit<BreakerState, 'queueKey' | 'endpoint'>): void
  /** Those that are open. */
  open(): number
  /** Ends what was told of receivers that do not last, unless it holds, or was told, after that time. */
  sweep(beforeMs: number, lasts: (receiver: Receiver) => boolean): void
  stop(): void
}

const prefix = deliveryStateKey.breaker('')
export const closedBreaker: BreakerState = {
  queueKey: '',
  openUntilUs: 0,
  openings: 0,
  failingSinceUs: 0,
  endpoint: '',
}

export function createBreakerStates(deps: {
  readonly store: Pick<DeliveryStateStore, 'withPrefix' | 'onChange'>
  readonly writer: Pick<DeliveryStateWriter, 'put'>
  /** Any instance has told, this one included. */
  readonly onHeard: (receiver: Receiver, state: BreakerState | undefined) => void
}): BreakerStates {
  const told = new Map<string, BreakerState>()
  for (const [key, { state }] of deps.store.withPrefix(prefix))
    if (state?.$case === 'breaker') told.set(key.slice(prefix.length), state.value)
  const hear = (queueKey: string, message: DeliveryState | undefined): void => {
    const state = message?.state?.$case === 'breaker' ? message.state.value : undefined
    if (state === undefined) told.delete(queueKey)
    else told.set(queueKey, state)
    deps.onHeard({ tenant: message?.tenant ?? '', queueKey, endpoint: state?.endpoint ?? '' }, state)
  }
  const stop = deps.store.onChange((key, message) => {
    if (key.startsWith(prefix)) hear(key.slice(prefix.length), message)
  })
  const end = (queueKey: string): void => {
    told.delete(queueKey)
    deps.writer.put(deliveryStateKey.breaker(queueKey), undefined)
  }
  return {
    get: (queueKey) => told.get(queueKey) ?? closedBreaker,
    tell({ tenant, queueKey, endpoint }, state) {
      if (state.openUntilUs === 0 && state.failingSinceUs === 0) return end(queueKey)
      const value = { ...state, queueKey, endpoint }
      told.set(queueKey, value)
      deps.writer.put(deliveryStateKey.breaker(queueKey), { tenant, state: { $case: 'breaker', value } })
    },
    open: () => [...told.values()].filter(({ openUntilUs }) => openUntilUs > 0).length,
    sweep(beforeMs, lasts) {
      for (const [key, { tenant, state, writtenAtUs }] of deps.store.withPrefix(prefix)) {
        if (state?.$case !== 'breaker') continue
        const queueKey = key.slice(prefix.length)
        // What this instance has told may not have come back yet.
        const { openUntilUs, endpoint } = told.get(queueKey) ?? state.value
        if (Math.max(openUntilUs, writtenAtUs) >= beforeMs * 1_000) continue
        if (!lasts({ tenant, queueKey, endpoint })) end(queueKey)
      }
    },
    stop,
  }
}
