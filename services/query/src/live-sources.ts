import type { LiveUpdate } from '@millrace/proto'
import type { LiveMerge } from './live-merge.ts'

/** Aggregators that a feed hears of. */
export interface LiveSources {
  message(address: string, update: LiveUpdate): void
  lost(address: string): void
  /** Takes out instances whose stream has been gone for long. */
  forgetLost(): void
  connected(): number
}

/** How long an instance's figures stay after its stream was lost: a moment's break should not dent the chart. */
const instanceGraceMs = 10_000

/** Which address speaks for which instance; an instance that was replaced at its address is forgotten at once. */
export function createLiveSources(merge: LiveMerge, nowMs: () => number): LiveSources {
  const byAddress = new Map<string, { instance: string; lostAtMs: number | undefined }>()
  const speaksElsewhere = (instance: string, address: string): boolean =>
    [...byAddress].some(([other, it]) => other !== address && it.instance === instance)
  const drop = (address: string, instance: string): void => {
    if (!speaksElsewhere(instance, address)) merge.drop(instance)
  }
  return {
    message(address, update) {
      const before = byAddress.get(address)
      if (before !== undefined && before.instance !== update.instance) drop(address, before.instance)
      byAddress.set(address, { instance: update.instance, lostAtMs: undefined })
      merge.apply(update, nowMs())
    },
    lost(address) {
      const known = byAddress.get(address)
      if (known !== undefined) known.lostAtMs ??= nowMs()
    },
    forgetLost() {
      for (const [address, { instance, lostAtMs }] of byAddress) {
        if (lostAtMs === undefined || nowMs() - lostAtMs < instanceGraceMs) continue
        drop(address, instance)
        byAddress.delete(address)
      }
    },
    connected: () => [...byAddress.values()].filter(({ lostAtMs }) => lostAtMs === undefined).length,
  }
}
