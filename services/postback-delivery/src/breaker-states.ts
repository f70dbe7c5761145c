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
  return {
    get: (queueKey) => told.get(queueKey) ?? closedBreaker,
    tell({ tenant, queueKey, endpoint }, state) {
      const key = deliveryStateKey.breaker(queueKey)
      if (state.openUntilUs === 0 && state.failingSinceUs === 0) {
        told.delete(queueKey)
        deps.writer.put(key, undefined)
        return
      }
      const value = { ...state, queueKey, endpoint }
      told.set(queueKey, value)
      deps.writer.put(key, { tenant, state: { $case: 'breaker', value } })
    },
    open: () => [...told.values()].filter(({ openUntilUs }) => openUntilUs > 0).length,
    stop,
  }
}
