import { type DeliveryStateStore, deliveryStateKey } from '@millrace/catalog/delivery-state-store'
import type { Delivery, EndpointHold } from '@millrace/proto'
import type { Target } from './resolve-target.ts'
import type { SharedState } from './shared-state.ts'

/** Endpoints to which an operator wants nothing sent for now. */
export interface Holds {
  find(tenant: string, endpoint: string): EndpointHold | undefined
  /** The hold that is there stays. Resolves once every instance will come to know of it. */
  put(tenant: string, hold: EndpointHold): Promise<EndpointHold>
  /** Resolves once every instance will come to know of it. */
  remove(tenant: string, endpoint: string): Promise<void>
}

export function createHolds(shared: {
  readonly store: Pick<DeliveryStateStore, 'get'>
  readonly tell: SharedState['tell']
}): Holds {
  const find = (tenant: string, endpoint: string): EndpointHold | undefined => {
    const state = shared.store.get(deliveryStateKey.hold(tenant, endpoint))?.state
    return state?.$case === 'hold' ? state.value : undefined
  }
  return {
    find,
    async put(tenant, hold) {
      const before = find(tenant, hold.endpoint)
      if (before !== undefined) return before
      const state = { $case: 'hold', value: hold } as const
      await shared.tell(deliveryStateKey.hold(tenant, hold.endpoint), { tenant, state })
      return hold
    },
    remove: (tenant, endpoint) => shared.tell(deliveryStateKey.hold(tenant, endpoint), undefined),
  }
}

/** A delivery that would be sent is kept as long as its endpoint is held. */
export function withHolds(
  target: Target,
  { tenant, endpoint }: Delivery,
  find: Holds['find'] | undefined,
): Target {
  if (target.kind !== 'send' || endpoint === '' || find?.(tenant, endpoint) === undefined) return target
  return { kind: 'hold', reason: 'endpoint_held' }
}
