import { createAuthenticator } from '@millrace/catalog/authenticate-key'
import { createKeyDirectory } from '@millrace/catalog/key-directory'
import { watchUnusable } from '@millrace/catalog/unusable-metrics'
import { connectClickhouse } from '@millrace/service-kit/clickhouse-client'
import type { ConfigOf } from '@millrace/service-kit/config'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import type { Logger } from '@millrace/service-kit/log'
import { createMetrics } from '@millrace/service-kit/metrics'
import { boundPort, startOperationsDoor } from '@millrace/service-kit/operations-http'
import { createReadiness, type Readiness } from '@millrace/service-kit/readiness'
import type { RunningService } from '@millrace/service-kit/run-service'
import { startBrokerWatch } from '@millrace/service-kit/watch-brokers'
import { createAggregators } from './aggregators.ts'
import type { ReportAnswers } from './answer-reports.ts'
import { type CatalogView, startCatalogFollower } from './catalog-follower.ts'
import { createClickhouseReader } from './clickhouse-reader.ts'
import type { settings } from './config.ts'
import { type CursorCodec, createCursorCodec } from './cursor.ts'
import { startFreshness } from './freshness.ts'
import { createQueryService } from './grpc.ts'
import { createHttpApp } from './http.ts'
import { startKeyUsage } from './key-usage.ts'
import { createDeliveryLister, type DeliveryLister } from './list-deliveries.ts'
import { createEventLister, type EventLister } from './list-events.ts'
import { createLiveHub, type LiveHub } from './live-hub.ts'
import { createQueryMetrics, type QueryMetrics, registerGauges } from './metrics.ts'
import { createBackfillReader } from './read-backfill.ts'
import { createReplayProgressReader, type ReplayProgressReader } from './read-replays.ts'
import { createReports } from './reports.ts'
import { createSessions } from './session.ts'
import { createDeliverySummarizer, type DeliverySummarizer } from './summarize-deliveries.ts'
import { nowUs } from './time.ts'
import { watchClickhouse } from './watch-clickhouse.ts'

export type QueryConfig = ConfigOf<typeof settings>

/** What both doors offer. */
export interface Core {
  readonly reports: ReportAnswers
  readonly live: LiveHub
  readonly events: EventLister
  readonly deliveries: DeliveryLister
  readonly deliverySummaries: DeliverySummarizer
  readonly catalog: CatalogView
  readonly replays: ReplayProgressReader
  readonly cursors: CursorCodec
  readonly metrics: QueryMetrics
}

export interface QueryService extends RunningService {
  readonly httpPort: number
  readonly grpcPort: number
  readonly operationsPort: number
  readonly readiness: Readiness
}

/** The doors open at once; until Kafka and ClickHouse have answered, readiness and 503 say what is missing. */
export async function createService(config: QueryConfig, logger: Logger): Promise<QueryService> {
  const registry = createMetrics('query')
  const metrics = createQueryMetrics(registry)
  const readiness = createReadiness(['catalog', 'clickhouse'])
  const brokerWatch = startBrokerWatch({ service: 'query', registry, readiness, logger })
  const operations = await startOperationsDoor({ metrics: registry, readiness }, config)

  const client = connectClickhouse(config, 'millrace-query', (config.maxQuerySeconds + 2) * 1_000)
  const clickhouseWatch = watchClickhouse(client, readiness, logger)
  const follower = startCatalogFollower(config, logger, readiness)
  watchUnusable(registry, 'query', follower.store)
  const clickhouse = createClickhouseReader(
    { client, logger, countError: (reason) => metrics.clickhouseErrors.inc({ reason }) },
    config,
  )
  const aggregators = createAggregators(config, logger)
  const freshness = startFreshness({ aggregators, clickhouse, logger, partitions: follower.eventsPartitions })
  const cursors = createCursorCodec(config.rootKey)
  const backfills = createBackfillReader(clickhouse)
  const catalog = follower.view
  const reports = createReports(
    { catalog, clickhouse, cursors, freshness, backfills, metrics, nowUs },
    config,
  )
  const core: Core = {
    reports,
    live: createLiveHub({ catalog, aggregators, nowMs: Date.now, every, after }, config),
    events: createEventLister({ clickhouse, cursors }),
    deliveries: createDeliveryLister({ clickhouse, cursors, nowUs }),
    deliverySummaries: createDeliverySummarizer({ clickhouse, nowUs }),
    catalog,
    replays: createReplayProgressReader(clickhouse, follower.deliveryReplays),
    cursors,
    metrics,
  }
  registerGauges(registry, {
    liveSubscribers: core.live.subscribers,
    liveFeeds: core.live.feeds,
    dataThroughUs: freshness.known,
    reportCacheBytes: reports.bytes,
  })
  const authenticator = createAuthenticator(config.rootKey, createKeyDirectory(follower.store))
  const usage = startKeyUsage(config, logger, follower)
  const countRequest = (route: string, status: number): void =>
    metrics.requests.inc({ route, status: String(status) })
  const app = await createHttpApp(
    {
      ...core,
      authenticator,
      sessions: createSessions(config),
      limits: usage.limits,
      keyUsage: usage.limits,
      logger,
      countRequest,
    },
    config,
  )
  const grpc = await startGrpcDoor({ readiness, logger, durations: metrics.durations }, config, [
    createQueryService({ ...core, authenticator, limits: usage.limits, keyUsage: usage.limits, logger }),
  ])
  await app.listen({ host: config.httpHost, port: config.httpPort })

  return {
    httpPort: boundPort(app),
    grpcPort: grpc.port,
    operationsPort: operations.port,
    readiness,
    stop: async () => {
      readiness.set('running', 'stopping')
      core.live.stop()
      await Promise.all([brokerWatch.stop(), app.close(), grpc.stop(config.shutdownTimeoutMs / 2)])
      freshness.stop()
      aggregators.stop()
      clickhouseWatch.stop()
      await usage.stop()
      await follower.stop()
      await client.close()
      await operations.stop()
    },
  }
}

function every(ms: number, task: () => void): () => void {
  const timer = setInterval(task, ms)
  return () => clearInterval(timer)
}

function after(ms: number, task: () => void): () => void {
  const timer = setTimeout(task, ms)
  return () => clearTimeout(timer)
}
