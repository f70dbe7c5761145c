import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ClickHouse,
  findFreePorts,
  type Kafka,
  startClickHouse,
  startKafka,
} from '../local-stack/index.ts'
import { readyWithin, startNode } from './measure.ts'

/** A private Kafka and ClickHouse, and services on top that each benchmark starts as it needs them. */
export interface BenchMesh {
  readonly directory: string
  readonly kafka: Kafka
  readonly clickhouse: ClickHouse
  /** Root key of every service. */
  readonly key: string
  start(
    name: 'ingest' | 'aggregator' | 'postback-delivery' | 'query',
    env?: Readonly<Record<string, string>>,
  ): Promise<BenchService>
  /** Of all that runs now. */
  pids(): readonly number[]
  stop(): Promise<void>
}

export interface BenchService {
  readonly pid: number
  readonly httpUrl: string
  /** host:port */
  readonly grpc: string
  readonly operationsPort: number
  stop(): Promise<void>
}

export const eventsPartitions = 4

export async function startBenchMesh(): Promise<BenchMesh> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const [kafka, clickhouse] = await Promise.all([
    startKafka({ directory: join(directory, 'kafka') }),
    startClickHouse({ directory: join(directory, 'clickhouse') }),
  ])
  const key = 'mr_root_benchmarks_only_on_loopback'
  const running = new Set<BenchService>()
  return {
    directory,
    kafka,
    clickhouse,
    key,
    async start(name, env = {}) {
      const [http = 0, grpc = 0, operations = 0] = await findFreePorts(3)
      const main = new URL(`../../services/${name}/src/main.ts`, import.meta.url)
      const variables = {
        ...storeEnvironment(kafka, clickhouse),
        MILLRACE_ROOT_KEY: key,
        LOG_LEVEL: 'warn',
        HTTP_HOST: '127.0.0.1',
        HTTP_PORT: String(http),
        GRPC_HOST: '127.0.0.1',
        GRPC_PORT: String(grpc),
        OPERATIONS_HOST: '127.0.0.1',
        OPERATIONS_PORT: String(operations),
        ...env,
      }
      const process = await startNode(main, [], variables, join(directory, `${name}.log`))
      const service = {
        pid: process.pid,
        httpUrl: `http://127.0.0.1:${http}`,
        grpc: `127.0.0.1:${grpc}`,
        operationsPort: operations,
        stop: async () => {
          running.delete(service)
          await process.stop()
        },
      }
      running.add(service)
      await readyWithin(operations, 120_000)
      return service
    },
    pids: () => [...kafka.pids(), ...clickhouse.pids(), ...[...running].map(({ pid }) => pid)],
    async stop() {
      for (const service of running) await service.stop()
      await Promise.all([kafka.stop(), clickhouse.stop()])
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function storeEnvironment(kafka: Kafka, clickhouse: ClickHouse): Record<string, string> {
  return {
    KAFKA_BROKERS: kafka.bootstrapServers,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: String(eventsPartitions),
    KAFKA_POSTBACKS_PARTITIONS: '2',
    CLICKHOUSE_URL: clickhouse.url,
  }
}
