import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { fetchUntilGood, type ServiceProcess, startServiceProcess } from '../../api/service-process.ts'
import type { ServiceName } from '../../local-stack/port-plan.ts'

export const rootKey = 'root-key-of-the-contract-test'

export type Environment = Readonly<Record<string, string>>

/** Topics and a database of its own. */
export function freshEnvironment(): Environment {
  const own = randomBytes(4).toString('hex')
  return {
    KAFKA_BROKERS: given('KAFKA_BROKERS'),
    CLICKHOUSE_URL: given('CLICKHOUSE_URL'),
    KAFKA_TOPIC_PREFIX: `c-${own}-`,
    CLICKHOUSE_DATABASE: `c_${own}`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: '2',
    KAFKA_POSTBACKS_PARTITIONS: '1',
    MILLRACE_ROOT_KEY: rootKey,
    AGGREGATOR_ADDRESSES: '127.0.0.1:1',
    // A busy machine is slow, which is no 503.
    INGEST_REQUEST_TIMEOUT_MS: '60000',
    QUERY_MAX_SECONDS: '60',
  }
}

/** The same, but what a service needs behind it cannot be reached. */
export function cutOff(environment: Environment): Environment {
  return { ...environment, KAFKA_BROKERS: '127.0.0.1:1', CLICKHOUSE_URL: 'http://127.0.0.1:1' }
}

function given(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run this through scripts/run-tests.ts integration`)
  return value
}

/** An instance that is there as soon as it can be asked whether it lives. */
export async function startInstance(
  t: Test,
  name: ServiceName,
  environment: Environment,
): Promise<ServiceProcess> {
  const service = await startServiceProcess(name, environment)
  t.teardown(() => service.stop())
  await fetchUntilGood(`${service.operations}/healthz/live`, service)
  return service
}

export async function untilReady(service: ServiceProcess): Promise<void> {
  await fetchUntilGood(`${service.operations}/healthz/ready`, service, 120_000)
}

/** All four services, ready. */
export async function startMesh(t: Test, environment: Environment) {
  const aggregator = await startInstance(t, 'aggregator', environment)
  const [ingest, query, delivery] = await Promise.all([
    startInstance(t, 'ingest', environment),
    startInstance(t, 'query', { ...environment, AGGREGATOR_ADDRESSES: aggregator.grpcAddress }),
    startInstance(t, 'postback-delivery', environment),
  ])
  await Promise.all([aggregator, ingest, query, delivery].map(untilReady))
  return { ingest, query, delivery }
}

/** Waits for a condition. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: () => string,
  timeoutMs = 90_000,
): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`gave up waiting: ${what()}`)
    await delay(25)
  }
}
