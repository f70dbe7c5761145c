import { ServiceError } from '@millrace/service-kit/errors'
import type { Aggregators } from './aggregators.ts'
import type { CatalogView } from './catalog-follower.ts'
import type { Reader } from './constrain-events.ts'
import { constrainLive, type LiveFilter } from './constrain-live.ts'
import { type LiveFeed, startLiveFeed } from './live-feed.ts'
import type { MergedSecond } from './live-merge.ts'
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
  /** False while the reader has not taken what it was sent: pushes are left out, and the next one makes up for them. */
  isReady(): boolean
  send(push: LivePush): void
  /** The meter was changed or deleted, or the service stops. */
  end(): void
}

export interface LiveHub {
  /**
   * @param spanSeconds how far back; 60 to 3600
   * @param lastEventId of the last push that a reader has got who comes back
   * @returns what ends the subscription
   * @throws {ServiceError} `not-found` without such a meter, `forbidden` when the reader may not see it
   */
  subscribe(
    reader: Reader,
    meter: string,
    spanSeconds: number,
    subscriber: LiveSubscriber,
    lastEventId?: string,
  ): () => void
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
  /** Runs a task once; returns what takes it back. */
  readonly after: (ms: number, task: () => void) => () => void
}

/** Spans that feeds are kept for: subscribers share the smallest one that holds theirs. */
const spans = [300, 900, 3_600]

export function createLiveHub(deps: LiveHubDeps, config: LiveHubConfig): LiveHub {
  const feeds = new Map<string, LiveFeed>()
  return {
    subscribe(reader, name, spanSeconds, subscriber, lastEventId) {
      const { tenant, constraints } = reader
      const entry = deps.catalog.meter(tenant, name)
      if (entry === undefined)
        throw new ServiceError('not-found', `There is no meter ${JSON.stringify(name)}.`)
      const meter = toReportMeter(entry)
      const filter = constrainLive(reader, entry)
      const span = spans.find((it) => it >= spanSeconds) ?? 3_600
      const key = JSON.stringify([tenant, name, meter.version, span])
      const feed = feeds.get(key) ?? startLiveFeed(deps, config, meter, span, () => feeds.delete(key))
      feeds.set(key, feed)
      if (filter === undefined || constraints === undefined) return feed.add(subscriber, lastEventId)
      return feed.add(filtered(subscriber, feed.share(constraints, filter)), lastEventId)
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
