import { createOffsetSet, type OffsetSet } from './offset-set.ts'
import type { KeptRecord } from './redrive-messages.ts'
import { partitionKey } from './scan-kept.ts'

/** From one interruption to the next: as long as this instance knows what its transactions came to. */
export interface ReplayEpoch {
  readonly signal: AbortSignal
  end(): void
  /** What one replay takes up, another one that looked through the topic before must not: true for the first. */
  claim(record: KeptRecord): boolean
  /** Parts of replays that were carried out, perhaps before the progress was read back. */
  readonly done: Set<string>
}

export function createReplayEpoch(): ReplayEpoch {
  const abort = new AbortController()
  const claimed = new Map<string, OffsetSet>()
  return {
    signal: abort.signal,
    end: () => abort.abort(),
    claim(record) {
      const key = partitionKey(record)
      const offsets = claimed.get(key) ?? createOffsetSet()
      claimed.set(key, offsets)
      if (offsets.has(record.offset)) return false
      offsets.add(record.offset)
      return true
    },
    done: new Set(),
  }
}

/** How one replay uses an epoch. */
export interface ReplayClaims {
  readonly claim: ReplayEpoch['claim']
  /** @returns whether it had taken up anything since the last time */
  settle(): boolean
  /** Taken up, and not known to be on its way: only a new epoch finds it again. */
  isOpen(): boolean
}

export function createReplayClaims(epoch: ReplayEpoch): ReplayClaims {
  let open = 0
  return {
    claim(record) {
      const isFirst = epoch.claim(record)
      if (isFirst) open += 1
      return isFirst
    },
    settle() {
      const settled = open > 0
      open = 0
      return settled
    },
    isOpen: () => open > 0,
  }
}
