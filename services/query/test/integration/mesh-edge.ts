// What stands around the query service in its integration tests: real tables, real catalog records, and a gRPC server
// that speaks for an aggregator.
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Server, ServerCredentials, type ServerWritableStream, status } from '@grpc/grpc-js'
import type { ResourceKind } from '@millrace/catalog/resources'
import {
  AggregationServiceService,
  CatalogRecord,
  type LiveUpdate,
  type Progress,
  type WatchLiveRequest,
  type WatchProgressRequest,
} from '@millrace/proto'
import { catalogTopic, eventsTopic } from '@millrace/proto/topics'
import { type ClickHouseClient, connectClickhouse } from '@millrace/service-kit/clickhouse-client'
import { readConfig } from '@millrace/service-kit/config'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import { createLogger } from '@millrace/service-kit/log'
import type { Test } from 'tap'
import { settings } from '../../src/config.ts'
import { createService, type QueryConfig } from '../../src/service.ts'

const rootKey = 'query-tests-root-key-0123456789'
export const authorization = `Bearer ${rootKey}`
export const logger = createLogger('query-test', process.env.LOG_LEVEL ?? 'silent')

function addressFromEnvironment(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') {
    throw new Error(`${name} is not set: run integration tests by "node scripts/run-tests.ts integration"`)
  }
  return value
}

/** A configuration with topics, database and ports of its own. */
export function freshConfig(overrides: Readonly<Record<string, string>> = {}): QueryConfig {
  const own = randomBytes(4).toString('hex')
  return readConfig(settings, {
    KAFKA_BROKERS: addressFromEnvironment('KAFKA_BROKERS'),
    CLICKHOUSE_URL: addressFromEnvironment('CLICKHOUSE_URL'),
    KAFKA_TOPIC_PREFIX: `t-${own}-`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: '2',
    KAFKA_POSTBACKS_PARTITIONS: '2',
    CLICKHOUSE_DATABASE: `t_${own}`,
    MILLRACE_ROOT_KEY: rootKey,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: '0',
    OPERATIONS_HOST: '127.0.0.1',
    OPERATIONS_PORT: '0',
    // Nobody listens on it.
    AGGREGATOR_ADDRESSES: '127.0.0.1:1',
    LIVE_PUSH_MS: '50',
    ...overrides,
  })
}

/** The aggregator's own tables, out of its migrations. */
export async function createTables(
  t: Pick<Test, 'teardown'>,
  config: QueryConfig,
): Promise<ClickHouseClient> {
  const { clickhouseDatabase: database } = config
  const server = connectClickhouse({ ...config, clickhouseDatabase: 'default' }, 'query-test')
  await server.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` })
  const client = connectClickhouse(config, 'query-test')
  const directory = join(import.meta.dirname, '../../../aggregator/migrations')
  for (const file of readdirSync(directory).sort()) {
    const statements = readFileSync(join(directory, file), 'utf8').split(/;\s*$/m)
    for (const query of statements.filter((text) => text.replace(/--.*$/gm, '').trim() !== '')) {
      await client.command({ query })
    }
  }
  t.teardown(async () => {
    await client.close()
    await server.command({ query: `DROP DATABASE IF EXISTS ${database}` })
    await server.close()
  })
  return client
}

export interface Resource {
  readonly tenant?: string
  readonly kind: ResourceKind
  readonly name: string
  readonly version?: number
  readonly deleted?: boolean
  readonly body: unknown
}

/** Writes catalog records as ingest does, but for its transaction. */
export async function writeCatalog(config: QueryConfig, resources: readonly Resource[]): Promise<void> {
  await ensureTopics([catalogTopic, eventsTopic], config, logger)
  const producer = await connectKafkaProducer(
    config,
    { clientId: 'query-test', deliveryTimeoutMs: 10_000, lingerMs: 0, maxUnconfirmedBytes: 1_000_000 },
    logger,
  )
  for (const { tenant = 'default', kind, name, version = 1, deleted = false, body } of resources) {
    const record: CatalogRecord = {
      tenant,
      kind,
      name,
      version,
      deleted,
      json: JSON.stringify(body),
      writtenAtUs: Date.now() * 1_000,
      writtenBy: 'root',
    }
    await producer.send({
      topic: config.kafkaTopicPrefix + catalogTopic.name,
      key: `${tenant}/${kind}/${name}`,
      value: Buffer.from(CatalogRecord.encode(record).finish()),
    })
  }
  await producer.stop(5_000)
}

export async function startService(t: Pick<Test, 'teardown'>, config: QueryConfig) {
  const service = await createService(config, logger)
  t.teardown(() => service.stop())
  const url = `http://127.0.0.1:${service.httpPort}`
  const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(url + path, { headers: { authorization, ...headers } })
  return { service, url, get }
}

/** Resolves as soon as `check` gives something true; the test's own time-out is the limit. */
export async function until<Result>(check: () => Result | Promise<Result>): Promise<Result> {
  for (;;) {
    const result = await check()
    if (result) return result
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export interface AggregatorEdge {
  readonly address: string
  readonly liveRequests: readonly WatchLiveRequest[]
  /** Streams that are open now. */
  liveStreams(): number
  sendLive(update: LiveUpdate): void
  sendProgress(progress: Progress): void
  /** Ends all streams, as a process that goes away does. */
  stop(): void
}

/** As the aggregator does with a call that has not its key. */
function refuses<Request, Response>(call: ServerWritableStream<Request, Response>): boolean {
  if (call.metadata.get('authorization')[0] === authorization) return false
  call.emit('error', { code: status.UNAUTHENTICATED, details: 'no key' })
  return true
}

/** A gRPC server that says what the test tells it; new streams begin with the last snapshot and progress. */
export async function startAggregatorEdge(
  t: Pick<Test, 'teardown'>,
  port = 0,
  credentials = ServerCredentials.createInsecure(),
): Promise<AggregatorEdge> {
  const live = new Set<ServerWritableStream<WatchLiveRequest, LiveUpdate>>()
  const progress = new Set<ServerWritableStream<WatchProgressRequest, Progress>>()
  const liveRequests: WatchLiveRequest[] = []
  let snapshot: LiveUpdate | undefined
  let landed: Progress | undefined
  const server = new Server()
  server.addService(AggregationServiceService, {
    watchLive(call: ServerWritableStream<WatchLiveRequest, LiveUpdate>) {
      if (refuses(call)) return
      live.add(call)
      liveRequests.push(call.request)
      call.on('close', () => live.delete(call))
      if (snapshot !== undefined) call.write(snapshot)
    },
    watchProgress(call: ServerWritableStream<WatchProgressRequest, Progress>) {
      if (refuses(call)) return
      progress.add(call)
      call.on('close', () => progress.delete(call))
      if (landed !== undefined) call.write(landed)
    },
  })
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, found) =>
      error === null ? resolve(found) : reject(error),
    )
  })
  const stop = (): void => server.forceShutdown()
  t.teardown(stop)
  return {
    address: `127.0.0.1:${bound}`,
    liveRequests,
    liveStreams: () => live.size,
    sendLive(update) {
      if (update.snapshot) snapshot = update
      for (const call of live) call.write(update)
    },
    sendProgress(message) {
      landed = message
      for (const call of progress) call.write(message)
    },
    stop,
  }
}
