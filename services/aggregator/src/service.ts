import { randomBytes, randomUUID } from 'node:crypto'
import { createAuthenticator } from '@millrace/catalog/authenticate-key'
import { type CatalogReader, startCatalogReader } from '@millrace/catalog/catalog-reader'
import { createKeyDirectory } from '@millrace/catalog/key-directory'
import { watchUnusable } from '@millrace/catalog/unusable-metrics'
import { catalogTopic, deliveriesTopic, eventsTopic, postbacksTopic } from '@millrace/proto/topics'
import { connectClickhouse } from '@millrace/service-kit/clickhouse-client'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import type { Logger } from '@millrace/service-kit/log'
import { startOperationsDoor } from '@millrace/service-kit/operations-http'
import { createReadiness, type Readiness } from '@millrace/service-kit/readiness'
import { createSpanRecorder } from '@millrace/service-kit/span-recorder'
import { startBrokerWatch } from '@millrace/service-kit/watch-brokers'
import { createChangeCounter } from './change-metrics.ts'
import { createChangedEventsReader } from './changed-events-reader.ts'
import { type AggregatorConfig, checkConfig } from './config.ts'
import { type DeliveriesConsumer, startDeliveriesConsumer } from './deliveries-consumer.ts'
import { createCaptureEraser } from './erase-captures.ts'
import { createEraser } from './erase-events.ts'
import { type EventsConsumer, startEventsConsumer } from './events-consumer.ts'
import { createFlushSlots } from './flush-slots.ts'
import { createAggregationService } from './grpc.ts'
import { createNameHasher } from './hash-name.ts'
import { createChangesLander } from './land-changes.ts'
import { createLandedCellsReader } from './landed-cells-reader.ts'
import { followLandedThrough, type LandedThrough } from './landed-through.ts'
import { type LiveLoader, startLiveLoader } from './live-loader.ts'
import { createLiveView } from './live-view.ts'
import { createAggregatorMetrics, createTypeLabels, measureState } from './metrics.ts'
import { migrate } from './migrate.ts'
import type { LaneDeps } from './partition-lane.ts'
import { migrationsDirectory, readMigrations } from './read-migrations.ts'
import { longestAttemptMs, retryUntilDone } from './retry.ts'
import { createRowWriter, errorCode } from './row-writer.ts'
import { createRulesHistory } from './rules-history.ts'
import { createSeenIdsReader } from './seen-ids-reader.ts'
import { createJobMetrics, type StoredEventsJobs, startStoredEventsJobs } from './stored-events-jobs.ts'
import { createTouches } from './touches.ts'
import { createTurns } from './turns.ts'
import { createTypeRulesSource } from './type-rules.ts'
import { createClockWatch } from './watch-clock.ts'

export interface AggregatorService {
  readonly grpcPort: number
  readonly operationsPort: number
  readonly readiness: Readiness
  stop(): Promise<void>
}

/** What tests put between the service and the world. */
export interface Faults {
  readonly aroundInsert?: (insert: LaneDeps['insert']) => LaneDeps['insert']
  readonly aroundCommit?: (commit: LaneDeps['commit']) => LaneDeps['commit']
}

/** Parts that need Kafka and ClickHouse; they come when those answer. */
interface Parts {
  catalog?: CatalogReader
  events?: EventsConsumer
  deliveries?: DeliveriesConsumer
  liveLoader?: LiveLoader
  landedThrough?: LandedThrough
  jobs?: StoredEventsJobs
  partitions: number
}

/** Resolves once the doors are open; what is missing then stands in `readiness`. */
export async function createService(
  config: AggregatorConfig,
  logger: Logger,
  faults: Faults = {},
): Promise<AggregatorService> {
  checkConfig(config)
  const now = Date.now
  const readiness = createReadiness(['kafka', 'clickhouse', 'catalog'])
  const metrics = createAggregatorMetrics()
  const live = createLiveView({ now }, config)
  const touches = createTouches()
  const spans = createSpanRecorder('aggregator', config)
  const clock = createClockWatch({
    now,
    monotonicMs: () => performance.now(),
    onJump: (byMs) => {
      metrics.clockJumps.inc()
      if (byMs < 0) parts.landedThrough?.forget()
      logger.warn({ byMs }, 'the clock of this machine has jumped')
    },
  })
  const parts: Parts = { partitions: 0 }
  const stopping = new AbortController()
  measureState(metrics.registry, {
    lag: () => parts.events?.lag() ?? [],
    seenIds: () => sumSeenIds(parts.events),
    liveCells: live.cells,
  })
  const jobMetrics = createJobMetrics(metrics.registry, () => parts.jobs)
  const { registry } = metrics
  watchUnusable(registry, 'aggregator', () => parts.catalog?.store)
  const brokerWatch = startBrokerWatch({ service: 'aggregator', registry, readiness, logger })
  const operations = await startOperationsDoor({ metrics: metrics.registry, readiness }, config)
  const aggregation = createAggregationService({
    authenticator: createAuthenticator(
      config.rootKey,
      createKeyDirectory(() => parts.catalog?.store),
    ),
    instance: randomUUID(),
    live,
    landedThrough: () => parts.landedThrough?.read() ?? [],
    partitions: () => parts.partitions,
    touches,
    now,
  })
  const grpc = await startGrpcDoor({ readiness, logger }, config, [aggregation])
  const clickhouse = connectClickhouse(config, 'millrace-aggregator', longestAttemptMs)
  // What is read in bulk takes its time, and holds no insert up.
  const clickhouseReads = connectClickhouse(config, 'millrace-aggregator-reads', config.readTimeoutMs)

  /** Tries until it works, and says in the readiness what it waits for. */
  const until = <Result>(part: string, reason: string, operation: () => Promise<Result>): Promise<Result> =>
    retryUntilDone(operation, {
      signal: stopping.signal,
      onFailure: (error, attempt) => {
        readiness.set(part, reason)
        if (attempt % 10 === 1) logger.warn({ part, attempt, err: error }, 'cannot start yet, trying again')
      },
    })

  const bringUp = async (): Promise<void> => {
    const topics = [catalogTopic, eventsTopic, postbacksTopic, deliveriesTopic]
    const counts = await until('kafka', 'topics cannot be read or created', () =>
      ensureTopics(topics, config, logger),
    )
    parts.partitions = counts.get(eventsTopic.name) ?? 0
    readiness.set('kafka', undefined)
    const catalog = await until('catalog', 'the catalog cannot be read', () =>
      startCatalogReader(config, logger, 'aggregator'),
    )
    parts.catalog = catalog
    readiness.set('catalog', undefined)
    const migrations = readMigrations(migrationsDirectory)
    await until('clickhouse', 'the tables cannot be made', () => migrate(migrations, config, logger))
    readiness.set('clickhouse', undefined)
    const limitMs = config.insertTimeoutMs
    const { insert } = createRowWriter({
      clickhouse,
      readiness,
      logger,
      onRetry: (error) => metrics.insertRetries.inc({ code: errorCode(error) }),
      limitMs,
      replicated: config.clickhouseCluster !== '',
    })
    const { rulesOf } = createTypeRulesSource(catalog.store, logger)
    const nameKey = randomBytes(16)
    const seenIdsReader = createSeenIdsReader(clickhouseReads, config, nameKey)
    const eventsDeps = {
      rulesOf,
      readCatalogThrough: catalog.readThroughOrToEnd,
      catalogPosition: catalog.position,
      readSeenIds: seenIdsReader.read,
      rulesAsOf: createRulesHistory({ catalog, metrics, logger }, config),
      hasher: createNameHasher(nameKey),
      insert: faults.aroundInsert?.(insert) ?? insert,
      landChanges: createChangesLander({
        read: createChangedEventsReader(clickhouse).read,
        insert: faults.aroundInsert?.(insert) ?? insert,
        erase: createEraser(clickhouse, logger, limitMs),
        limitMs,
        touches,
        rulesOf,
        count: createChangeCounter(metrics.registry),
        logger,
      }),
      slots: createFlushSlots(config.flushConcurrency),
      nextTurn: createTurns(),
      typeLabel: createTypeLabels(),
      live,
      onLanesChanged: () => parts.liveLoader?.partitionsChanged(),
      touches,
      metrics,
      readiness,
      spans,
      logger,
      now,
      ...(faults.aroundCommit !== undefined && { aroundCommit: faults.aroundCommit }),
    }
    const events = await until('kafka', 'no broker answers', () =>
      startEventsConsumer(eventsDeps, config, parts.partitions),
    )
    parts.events = events
    parts.liveLoader = startLiveLoader(
      {
        live,
        read: createLandedCellsReader(clickhouseReads),
        landed: () =>
          events.lanes().map((lane) => ({ partition: lane.partition, through: lane.landedThrough() })),
        nextTurn: eventsDeps.nextTurn,
        logger,
        now,
      },
      config,
    )
    parts.liveLoader.partitionsChanged()
    parts.deliveries = await until('kafka', 'no broker answers', () =>
      startDeliveriesConsumer(
        {
          insert: eventsDeps.insert,
          eraseLate: createCaptureEraser(clickhouseReads).eraseLate,
          metrics,
          logger,
          now,
        },
        config,
      ),
    )
    parts.jobs = startStoredEventsJobs(
      {
        catalog,
        events,
        insert: eventsDeps.insert,
        rulesOf,
        nextTurn: eventsDeps.nextTurn,
        clickhouse: clickhouseReads,
        touches,
        metrics: jobMetrics,
        logger,
        now,
      },
      config,
      parts.partitions,
    )
    parts.landedThrough = followLandedThrough(
      {
        lanes: events.lanes,
        watermarks: events.watermarks,
        readiness,
        onChecked: () => {
          clock.check()
          for (const { records } of events.lag()) metrics.lagOffsets.observe(records)
        },
        logger,
        now,
      },
      config,
    )
  }
  const broughtUp = bringUp().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error
  })

  return {
    grpcPort: grpc.port,
    operationsPort: operations.port,
    readiness,
    async stop() {
      readiness.set('stopping', 'the service stops')
      stopping.abort(new Error('the service stops'))
      await brokerWatch.stop()
      await broughtUp
      await grpc.stop(200)
      await parts.landedThrough?.stop()
      await parts.liveLoader?.stop()
      await parts.jobs?.stop()
      // Two thirds of the time for what was read, the rest for leaving the group.
      await parts.events?.stop((config.shutdownTimeoutMs * 2) / 3)
      await parts.deliveries?.stop()
      await parts.catalog?.stop()
      await clickhouse.close()
      await clickhouseReads.close()
      await spans.stop()
      await operations.stop()
    },
  }
}

function sumSeenIds(events: EventsConsumer | undefined): { ids: number; bytes: number } {
  const all = events?.lanes().map((lane) => lane.seenIds()) ?? []
  return all.reduce((sum, { ids, bytes }) => ({ ids: sum.ids + ids, bytes: sum.bytes + bytes }), {
    ids: 0,
    bytes: 0,
  })
}
