import { fetchUntilGood, startServiceProcess } from './service-process.ts'

/**
 * The OpenAPI document as a service serves it: the real process is asked. Its doors open before Kafka and ClickHouse
 * are there, so that it needs neither.
 */
export async function readServedDocument(name: 'ingest' | 'query'): Promise<object> {
  const service = await startServiceProcess(name, {
    // Nobody listens on it.
    KAFKA_BROKERS: '127.0.0.1:1',
    CLICKHOUSE_URL: 'http://127.0.0.1:1',
    AGGREGATOR_ADDRESSES: '127.0.0.1:1',
    MILLRACE_ROOT_KEY: 'only-to-read-the-documents',
  })
  try {
    const response = await fetchUntilGood(`${service.address}/openapi.json`, service)
    return (await response.json()) as object
  } finally {
    await service.stop()
  }
}
