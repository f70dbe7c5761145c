import type { DeliveryState } from '@millrace/proto'
import { type DeliveryStateStore, deliveryStateKey } from './delivery-state-store.ts'

/** How far a replay of deliveries has come. */
export interface DeliveryReplayProgress {
  /** Deliveries that it found so far, and had or has to take up again. */
  readonly selected: number
  /** Those that are on their way again. */
  readonly redriven: number
  readonly done: boolean
}

/** Progress of every replay of deliveries, as millrace.delivery-state tells it. */
export interface ReplayProgressIndex {
  /** Of the replay as a whole; undefined before it has begun. */
  read(tenant: string, replay: string): DeliveryReplayProgress | undefined
  /** In one partition of what is dead or held. `topic`: without the deployment's prefix. */
  readPart(
    tenant: string,
    replay: string,
    topic: string,
    partition: number,
  ): DeliveryReplayProgress | undefined
  /** Keys of the messages that tell of single partitions. */
  partKeys(tenant: string, replay: string): readonly string[]
}

const prefix = 'replay/'

export function createReplayProgressIndex(
  store: Pick<DeliveryStateStore, 'withPrefix' | 'onChange'>,
): ReplayProgressIndex {
  const wholes = new Map<string, DeliveryReplayProgress>()
  /** By the whole's key, then by their own. */
  const parts = new Map<string, Map<string, DeliveryReplayProgress>>()
  const apply = (key: string, state: DeliveryState | undefined): void => {
    if (!key.startsWith(prefix)) return
    const whole = key.split('/').slice(0, 3).join('/')
    const progress = state?.state?.$case === 'replay' ? state.state.value : undefined
    if (key === whole) {
      if (progress === undefined) wholes.delete(key)
      else wholes.set(key, progress)
      return
    }
    const own = parts.get(whole) ?? new Map<string, DeliveryReplayProgress>()
    if (progress === undefined) own.delete(key)
    else own.set(key, progress)
    if (own.size === 0) parts.delete(whole)
    else parts.set(whole, own)
  }
  for (const [key, state] of store.withPrefix(prefix)) apply(key, state)
  store.onChange(apply)
  return {
    read(tenant, replay) {
      const key = deliveryStateKey.replay(tenant, replay)
      const whole = wholes.get(key)
      if (whole !== undefined) return whole
      const known = [...(parts.get(key)?.values() ?? [])]
      if (known.length === 0) return undefined
      return {
        selected: known.reduce((sum, { selected }) => sum + selected, 0),
        redriven: known.reduce((sum, { redriven }) => sum + redriven, 0),
        // Partitions that nobody has looked at yet have not said anything.
        done: false,
      }
    },
    readPart: (tenant, replay, topic, partition) =>
      parts
        .get(deliveryStateKey.replay(tenant, replay))
        ?.get(deliveryStateKey.replayPart(tenant, replay, topic, partition)),
    partKeys: (tenant, replay) => [...(parts.get(deliveryStateKey.replay(tenant, replay))?.keys() ?? [])],
  }
}
