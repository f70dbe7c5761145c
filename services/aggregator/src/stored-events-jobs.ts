import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import type { CatalogEntry, EventType } from '@millrace/catalog/resources'
import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import type { Logger } from '@millrace/service-kit/log'
import type { Registry } from '@millrace/service-kit/metrics'
import { createStoredEventsReader } from './backfill-events.ts'
import { createBackfilledMeters } from './backfill-meter.ts'
import { createBackfillMetrics } from './backfill-metrics.ts'
import { type BackfillRunner, startBackfillRunner } from './backfill-runner.ts'
import { createBackfillStore } from './backfill-store.ts'
import type { AggregatorConfig } from './config.ts'
import type { EventsConsumer } from './events-consumer.ts'
import type { FillDeps } from './fill-batch.ts'
import type { LaneDeps } from './lane.ts'
import { createReplayMetrics } from './replay-metrics.ts'
import { createReplayProducer } from './replay-producer.ts'
import { type ReplayRunner, startReplayRunner } from './replay-runner.ts'
import { createReplayStore, type EventReplay } from './replay-store.ts'
import { createRemovedCounter, startRetentionRunner } from './retention-runner.ts'
import type { Touches } from './touches.ts'

/** What is done with events that have landed: new meters count them, replays judge them again, retention removes them. */
export interface StoredEventsJobs {
  readonly backfills: BackfillRunner
  readonly replays: ReplayRunner
  stop(): Promise<void>
}

interface Deps {
  readonly catalog: CatalogReader
  readonly events: EventsConsumer
  readonly insert: LaneDeps['insert']
  readonly rulesOf: FillDeps['rulesOf']
  readonly nextTurn: () => Promise<void>
  readonly clickhouse: ClickHouseClient
  readonly touches: Pick<Touches, 'during'>
  readonly metrics: ReturnType<typeof createJobMetrics>
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export function createJobMetrics(registry: Registry, jobs: () => StoredEventsJobs | undefined) {
  return {
    backfills: createBackfillMetrics(registry, () => jobs()?.backfills.unfinished() ?? 0),
    replays: createReplayMetrics(registry, () => jobs()?.replays.unfinished() ?? 0),
    removed: createRemovedCounter(registry),
  }
}

/** @param partitions of millrace.events in all */
export function startStoredEventsJobs(
  deps: Deps,
  config: AggregatorConfig,
  partitions: number,
): StoredEventsJobs {
  const { catalog, events, insert, rulesOf, nextTurn, clickhouse, touches, metrics, logger, now } = deps
  const backfills = startBackfillRunner(
    {
      meters: createBackfilledMeters(catalog.store),
      onCatalogChange: catalog.store.onChange,
      catalogPosition: catalog.position,
      lanes: events.lanes,
      liveIsBehind: () => isBehind(events, now()),
      readStoredEvents: createStoredEventsReader(clickhouse),
      ratesOf: (tenant, type) => rulesOf(tenant, type).rates ?? [],
      store: createBackfillStore(clickhouse),
      insert,
      nextTurn,
      touches,
      metrics: metrics.backfills,
      logger,
    },
    { partitions: partitions, chunkEvents: config.backfillChunkEvents },
  )
  const retention = startRetentionRunner(
    {
      eventTypes: () => catalog.store.all('event-type') as readonly CatalogEntry<EventType>[],
      lanes: events.lanes,
      clickhouse,
      touches,
      removed: metrics.removed,
      logger,
      now,
    },
    config,
  )
  const replayProducer = createReplayProducer(
    { partitions: partitions, catalogPosition: catalog.position, now, logger },
    config,
  )
  const replays = startReplayRunner(
    {
      replays: () => (catalog.store.all('replay') as readonly EventReplay[]).filter(isOfEvents),
      onCatalogChange: catalog.store.onChange,
      lanes: events.lanes,
      store: createReplayStore(clickhouse),
      send: replayProducer.send,
      insert,
      untilLanded: events.untilLanded,
      metrics: metrics.replays,
      logger,
    },
    { partitions: partitions },
  )
  return {
    backfills,
    replays,
    async stop() {
      await backfills.stop()
      await replays.stop()
      await retention.stop()
      await replayProducer.stop()
    },
  }
}

function isOfEvents({ body }: { readonly body: { readonly what: string } }): boolean {
  return body.what === 'events'
}

/** An event waits longer than reports may lag behind. */
function isBehind(events: EventsConsumer, nowMs: number): boolean {
  return events
    .lanes()
    .some((lane) => (lane.progress().oldestUnlandedUs ?? Number.POSITIVE_INFINITY) < (nowMs - 1_000) * 1_000)
}
