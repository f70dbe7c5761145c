import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findFreePorts } from '../local-stack/index.ts'

/** Services with a public HTTP door. */
type DocumentedService = 'ingest' | 'query'

const repository = join(import.meta.dirname, '../..')
const patienceMs = 30_000

/**
 * The OpenAPI document as a service serves it: the real process is asked. Its doors open before Kafka and ClickHouse
 * are there, so that it needs neither.
 */
export async function readServedDocument(service: DocumentedService): Promise<object> {
  const [http = 0] = await findFreePorts(1)
  const child = spawn(process.execPath, [join(repository, 'services', service, 'src/main.ts')], {
    env: {
      PATH: process.env.PATH,
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(http),
      GRPC_HOST: '127.0.0.1',
      GRPC_PORT: '0',
      OPERATIONS_HOST: '127.0.0.1',
      OPERATIONS_PORT: '0',
      // Nobody listens on it.
      KAFKA_BROKERS: '127.0.0.1:1',
      CLICKHOUSE_URL: 'http://127.0.0.1:1',
      AGGREGATOR_ADDRESSES: '127.0.0.1:1',
      MILLRACE_ROOT_KEY: 'only-to-read-the-documents',
      LOG_LEVEL: 'fatal',
      SHUTDOWN_TIMEOUT_MS: '1',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const closed = once(child, 'close')
  try {
    return await fetchUntilThere(`http://127.0.0.1:${http}/openapi.json`, () => child.exitCode !== null)
  } finally {
    // It holds nothing that a graceful stop would save.
    child.kill('SIGKILL')
    await closed
  }
}

async function fetchUntilThere(url: string, hasEnded: () => boolean): Promise<object> {
  const end = Date.now() + patienceMs
  for (;;) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.ok) return (await response.json()) as object
    if (hasEnded()) throw new Error('the service ended before it served its document')
    if (Date.now() > end) throw new Error(`${url} was not answered within ${patienceMs} ms`)
    await delay(50)
  }
}
