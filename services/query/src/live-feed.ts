import type { KeyConstraints } from '@millrace/catalog/key-constraints'
import type { LiveUpdate } from '@millrace/proto'
import type { LiveFilter } from './constrain-live.ts'
import type { LiveHubConfig, LiveHubDeps, LivePush, LiveSubscriber } from './live-hub.ts'
import { createLiveMerge } from './live-merge.ts'
import { createLiveReaders } from './live-readers.ts'
import { createLiveSources } from './live-sources.ts'
import type { ReportMeter } from './report-query.ts'

export interface LiveFeed {
  /** @param lastEventId of the push after which a reader goes on; one that is not known here begins anew */
  add(subscriber: LiveSubscriber, lastEventId: string | undefined): () => void
  /** The same filter for all keys of these constraints: what it makes of a push is made once. */
  share(constraints: KeyConstraints, filter: LiveFilter): LiveFilter
  size(): number
  stop(): void
}

/** Without a change a push still tells that time goes on. */
const quietMs = 1_000
/** How long the first push of a feed waits for an aggregator. */
const firstPushMs = 1_000
/** Times as long as a push took: a feed takes a fifth of the time at most. */
const leastPause = 5
/** How long a feed goes on without readers: one whose connection was cut comes back to it. */
const lingerMs = 10_000

/** One stream per aggregator and one computation, however many subscribe. */
export function startLiveFeed(
  deps: LiveHubDeps,
  config: LiveHubConfig,
  meter: ReportMeter,
  spanSeconds: number,
  onEnd: () => void,
): LiveFeed {
  const merge = createLiveMerge(spanSeconds)
  const sources = createLiveSources(merge, deps.nowMs)
  const request = { tenant: meter.tenant, meter: meter.name, seconds: spanSeconds }
  const readers = createLiveReaders()
  const filters = new WeakMap<KeyConstraints, LiveFilter>()
  const startedAt = deps.nowMs()
  let sequence = 0
  /** The first push waits too: there may be several aggregators to be heard. */
  let lastPushMs = startedAt
  let pauseMs = config.livePushMs
  let stopWaiting: (() => void) | undefined
  let leftAtMs = startedAt
  let stopped = false
  const stop = (): void => {
    if (stopped) return
    stopped = true
    stopTicking()
    stopWaiting?.()
    unfollow()
    onEnd()
    readers.end()
  }
  const tick = (): void => {
    const nowMs = deps.nowMs()
    const isLeft = readers.size() === 0 && nowMs - leftAtMs >= lingerMs
    if (isLeft || deps.catalog.meter(meter.tenant, meter.name)?.version !== meter.version) {
      stop()
      return
    }
    // Who was slow is ready again, a source has gone, or nothing has happened for long.
    if (nowMs - lastPushMs >= pauseMs) pushChanges(nowMs)
  }
  const pushChanges = (nowMs: number): void => {
    // A new feed waits for what the aggregators know: its first push is complete then.
    if (sources.connected() === 0 && nowMs - startedAt < firstPushMs) return
    sources.forgetLost()
    const changed = merge.takeChanges(nowMs)
    if (changed.length === 0 && !readers.lag() && nowMs - lastPushMs < quietMs) return
    lastPushMs = nowMs
    sequence += 1
    const push: LivePush = {
      id: `${startedAt}-${sequence}`,
      meter,
      asOfUs: merge.asOfUs(nowMs) || nowMs * 1_000,
      sources: sources.connected(),
      reset: false,
      changed,
      all: merge.seconds(),
    }
    readers.push(push, sequence)
    // Of a meter with thousands of groups a push takes long itself: other requests go first then.
    pauseMs = Math.max(config.livePushMs, Math.min(quietMs, leastPause * (deps.nowMs() - nowMs)))
  }
  /** What was heard is pushed at once, unless the last push was only just. */
  const pushSoon = (): void => {
    const waitMs = lastPushMs + pauseMs - deps.nowMs()
    stopWaiting ??= deps.after(Math.min(Math.max(waitMs, 0), pauseMs), () => {
      stopWaiting = undefined
      pushChanges(deps.nowMs())
    })
  }
  const stopTicking = deps.every(config.livePushMs, tick)
  const unfollow = deps.aggregators.follow<LiveUpdate>((client) => client.watchLive(request), {
    message(address, update) {
      sources.message(address, update)
      pushSoon()
    },
    lost: sources.lost,
  })
  return {
    size: readers.size,
    add(subscriber, lastEventId) {
      const remove = readers.add(subscriber, sequenceIn(lastEventId, startedAt, sequence))
      return () => {
        remove()
        if (readers.size() === 0) leftAtMs = deps.nowMs()
      }
    },
    share(constraints, filter) {
      const known = filters.get(constraints) ?? onceForEach(filter)
      filters.set(constraints, known)
      return known
    },
    stop,
  }
}

/** Undefined for ids of another feed: of another instance, or from before a restart. */
function sequenceIn(id: string | undefined, startedAt: number, newest: number): number | undefined {
  const [, began, number] = /^(\d+)-(\d+)$/.exec(id ?? '') ?? []
  const sequence = Number(number)
  return Number(began) === startedAt && sequence <= newest ? sequence : undefined
}

function onceForEach(filter: LiveFilter): LiveFilter {
  const made = new WeakMap<LivePush, LivePush>()
  return (push) => {
    const own = made.get(push) ?? filter(push)
    made.set(push, own)
    return own
  }
}
