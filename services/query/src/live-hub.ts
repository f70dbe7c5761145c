import type { LiveUpdate } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { Aggregators } from './aggregators.ts'
import type { CatalogView } from './catalog-follower.ts'
import type { Reader } from './constrain-events.ts'
import { constrainLive, type LiveFilter } from './constrain-live.ts'
import { createLiveMerge, type LiveMerge, type MergedSecond } from './live-merge.ts'
import { toReportMeter } from './parse-report-parameters.ts'
import type { ReportMeter } from './report-query.ts'

/** One push to the subscribers of a feed. What it is written as is made once per push, however many read it. */
export interface LivePush {
  readonly id: string
  readonly meter: ReportMeter
  readonly asOfUs: number
  /** Aggregators that are heard of at present. */
  readonly sources: number
  /** The seconds are all there are, not only what changed. */
  readonly reset: boolean
  readonly changed: readonly MergedSecond[]
  readonly all: readonly MergedSecond[]
}

export interface LiveSubscriber {
  /** False while the reader has not taken what it was sent: pushes are left out, and the next one is complete. */
  isReady(): boolean
  send(push: LivePush): void
  /** The meter was changed or deleted, or the service stops. */
  end(): void
}

export interface LiveHub {
  /**
   * @param spanSeconds how far back; 60 to 3600
   * @returns what ends the subscription
   * @throws {ServiceError} `not-found` without such a meter, `forbidden` when the reader may not see it
   */
  subscribe(reader: Reader, meter: string, spanSeconds: number, subscriber: LiveSubscriber): () => void
  subscribers(): number
  feeds(): number
  stop(): void
}

export interface LiveHubConfig {
  readonly livePushMs: number
}

export interface LiveHubDeps {
  readonly catalog: Pick<CatalogView, 'meter'>
  readonly aggregators: Aggregators
  readonly nowMs: () => number
  /** Runs a task regularly; returns what ends that. */
  readonly every: (ms: number, task: () => void) => () => void
}

/** Spans that feeds are kept for: subscribers share the smallest one that holds theirs. */
const spans = [300, 900, 3_600]
/** Without a change a push still tells that time goes on. */
const quietMs = 1_000
/** How long the first push of a feed waits for an aggregator. */
const firstPushMs = 1_000
/** How long an instance's figures stay after its stream was lost: a moment's break should not dent the chart. */
const instanceGraceMs = 10_000

export function createLiveHub(deps: LiveHubDeps, config: LiveHubConfig): LiveHub {
  const feeds = new Map<string, Feed>()
  return {
    subscribe(reader, name, spanSeconds, subscriber) {
      const { tenant } = reader
      const entry = deps.catalog.meter(tenant, name)
      if (entry === undefined)
        throw new ServiceError('not-found', `There is no meter ${JSON.stringify(name)}.`)
      const meter = toReportMeter(entry)
      const filter = constrainLive(reader, entry)
      const span = spans.find((it) => it >= spanSeconds) ?? 3_600
      const key = JSON.stringify([tenant, name, meter.version, span])
      const feed = feeds.get(key) ?? startFeed(deps, config, meter, span, () => feeds.delete(key))
      feeds.set(key, feed)
      return feed.add(filter === undefined ? subscriber : filtered(subscriber, filter))
    },
    subscribers: () => [...feeds.values()].reduce((sum, feed) => sum + feed.size(), 0),
    feeds: () => feeds.size,
    stop() {
      for (const feed of [...feeds.values()]) feed.stop()
    },
  }
}

function filtered(subscriber: LiveSubscriber, filter: LiveFilter): LiveSubscriber {
  return { ...subscriber, send: (push) => subscriber.send(filter(push)) }
}

interface Feed {
  add(subscriber: LiveSubscriber): () => void
  size(): number
  stop(): void
}

/** One stream per aggregator, whoever many subscribe. Ends with the last subscriber. */
function startFeed(
  deps: LiveHubDeps,
  config: LiveHubConfig,
  meter: ReportMeter,
  spanSeconds: number,
  onEnd: () => void,
): Feed {
  const merge = createLiveMerge(spanSeconds)
  const sources = createSources(merge, deps.nowMs)
  const request = { tenant: meter.tenant, meter: meter.name, seconds: spanSeconds }
  const unfollow = deps.aggregators.follow<LiveUpdate>((client) => client.watchLive(request), sources)
  /** Subscribers, and whether what they have is complete up to the last push. */
  const subscribers = new Map<LiveSubscriber, { upToDate: boolean }>()
  const startedAt = deps.nowMs()
  let sequence = 0
  let lastPushMs = 0
  let stopped = false
  const stop = (): void => {
    if (stopped) return
    stopped = true
    stopTicking()
    unfollow()
    onEnd()
    for (const subscriber of [...subscribers.keys()]) subscriber.end()
    subscribers.clear()
  }
  const tick = (): void => {
    if (deps.catalog.meter(meter.tenant, meter.name)?.version !== meter.version) {
      stop()
      return
    }
    const nowMs = deps.nowMs()
    // A new feed waits for what the aggregators know: its first push is complete then.
    if (sources.connected() === 0 && nowMs - startedAt < firstPushMs) return
    sources.forgetLost()
    const changed = merge.takeChanges(nowMs)
    const waiting = [...subscribers.values()].some(({ upToDate }) => !upToDate)
    if (changed.length === 0 && !waiting && nowMs - lastPushMs < quietMs) return
    lastPushMs = nowMs
    sequence += 1
    pushTo(subscribers, {
      id: `${startedAt}-${sequence}`,
      meter,
      asOfUs: merge.asOfUs(nowMs) || nowMs * 1_000,
      sources: sources.connected(),
      reset: false,
      changed,
      all: merge.seconds(),
    })
  }
  const stopTicking = deps.every(config.livePushMs, tick)
  return {
    size: () => subscribers.size,
    add(subscriber) {
      subscribers.set(subscriber, { upToDate: false })
      return () => {
        subscribers.delete(subscriber)
        if (subscribers.size === 0) stop()
      }
    },
    stop,
  }
}

function pushTo(subscribers: Map<LiveSubscriber, { upToDate: boolean }>, push: LivePush): void {
  const complete: LivePush = { ...push, reset: true }
  for (const [subscriber, state] of subscribers) {
    if (!subscriber.isReady()) {
      state.upToDate = false
      continue
    }
    subscriber.send(state.upToDate ? push : complete)
    state.upToDate = true
  }
}

interface Sources {
  message(address: string, update: LiveUpdate): void
  lost(address: string): void
  /** Takes out instances whose stream has been gone for long. */
  forgetLost(): void
  connected(): number
}

/** Which address speaks for which instance; an instance that was replaced at its address is forgotten at once. */
function createSources(merge: LiveMerge, nowMs: () => number): Sources {
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
