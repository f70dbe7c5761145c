import type { LivePush, LiveSubscriber } from './live-hub.ts'
import type { MergedSecond } from './live-merge.ts'

/** The subscribers of one feed, and how far each of them has come. */
export interface LiveReaders {
  /** @param after sequence number of the last push that it has; undefined has nothing */
  add(subscriber: LiveSubscriber, after: number | undefined): () => void
  size(): number
  /** Whether one of them lacks something that was pushed before, and can take it. */
  lag(): boolean
  /** Numbers grow by one. */
  push(push: LivePush, sequence: number): void
  end(): void
}

/** Pushes that one may have missed, 15 seconds at ten a second: who lacks more gets everything anew. */
const maxBehind = 150

/**
 * Nothing is kept for anybody: of the last pushes only their seconds are, once for all. Readers that have come equally
 * far get one and the same object, which is written once.
 */
export function createLiveReaders(): LiveReaders {
  const readers = new Map<LiveSubscriber, { upTo: number | undefined }>()
  const recent: { sequence: number; seconds: readonly MergedSecond[] }[] = []
  let last = 0
  const catchUp = (push: LivePush, upTo: number | undefined): LivePush => {
    if (upTo === last - 1) return push
    const oldest = recent[0]?.sequence
    if (upTo === undefined || oldest === undefined || upTo < oldest - 1) return { ...push, reset: true }
    const seconds = new Map<number, MergedSecond>()
    for (const missed of recent) {
      if (missed.sequence > upTo) for (const second of missed.seconds) seconds.set(second.second, second)
    }
    return { ...push, changed: [...seconds.values()].sort((a, b) => a.second - b.second) }
  }
  return {
    add(subscriber, after) {
      readers.set(subscriber, { upTo: after })
      return () => {
        readers.delete(subscriber)
      }
    },
    size: () => readers.size,
    lag: () => [...readers].some(([subscriber, { upTo }]) => upTo !== last && subscriber.isReady()),
    push(push, sequence) {
      last = sequence
      recent.push({ sequence, seconds: push.changed })
      if (recent.length > maxBehind) recent.shift()
      const made = new Map<number | undefined, LivePush>()
      for (const [subscriber, state] of readers) {
        if (!subscriber.isReady()) continue
        const own = made.get(state.upTo) ?? catchUp(push, state.upTo)
        made.set(state.upTo, own)
        subscriber.send(own)
        state.upTo = sequence
      }
    },
    end() {
      for (const subscriber of [...readers.keys()]) subscriber.end()
      readers.clear()
    },
  }
}
