import { type DeliveryStateStore, deliveryStateKey } from '@millrace/catalog/delivery-state-store'
import type { DeliveryStateWriter } from './delivery-state-writer.ts'

/** Which part of the work is this instance's, among those that are there. */
export interface InstanceShare {
  /**
   * From (0, 1]: its part of a rate limit. By the partitions that each instance reads, for deliveries spread evenly over
   * them. Others hear of a change within `tellEveryMs`, of an instance that was killed `goneAfterMs` later; in between
   * they take together up to twice what is allowed, or less than that.
   */
  share(): number
  /** Instances that read partitions, this one included. */
  count(): number
  stop(): void
}

const tellEveryMs = 2_000
const goneAfterMs = 7_000
const prefix = deliveryStateKey.instance('')

export function startInstanceShare(
  deps: {
    readonly store: Pick<DeliveryStateStore, 'withPrefix' | 'onChange'>
    readonly writer: Pick<DeliveryStateWriter, 'put'>
    /** That this instance reads. */
    readonly partitions: () => number
    /** Milliseconds since 1970. */
    readonly now: () => number
  },
  instance: string,
): InstanceShare {
  const ownKey = deliveryStateKey.instance(instance)
  // Of the others: when they were last heard of, by this instance's clock.
  const heard = new Map<string, { atMs: number; partitions: number }>()
  for (const [key, { writtenAtUs, state }] of deps.store.withPrefix(prefix)) {
    if (state?.$case !== 'heartbeat' || key === ownKey) continue
    heard.set(key, {
      atMs: Math.min(deps.now(), writtenAtUs / 1_000),
      partitions: state.value.partitions,
    })
  }
  const ignore = deps.store.onChange((key, state) => {
    if (!key.startsWith(prefix) || key === ownKey) return
    if (state?.state?.$case !== 'heartbeat') heard.delete(key)
    else heard.set(key, { atMs: deps.now(), partitions: state.state.value.partitions })
  })
  const tell = (): void => {
    const state = { $case: 'heartbeat', value: { partitions: deps.partitions() } } as const
    deps.writer.put(ownKey, { tenant: '', state })
    for (const [key, { atMs }] of heard) if (deps.now() - atMs > goneAfterMs) heard.delete(key)
  }
  const timer = setInterval(tell, tellEveryMs)
  tell()
  const others = (): readonly number[] =>
    [...heard.values()]
      .filter(({ atMs, partitions }) => partitions > 0 && deps.now() - atMs <= goneAfterMs)
      .map(({ partitions }) => partitions)
  return {
    share() {
      const own = deps.partitions()
      return own === 0 ? 1 : own / others().reduce((all, partitions) => all + partitions, own)
    },
    count: () => others().length + 1,
    stop() {
      clearInterval(timer)
      ignore()
      deps.writer.put(ownKey, undefined)
    },
  }
}
