import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'

type Question = Omit<Parameters<ClickHouseClient['query']>[0], 'format' | 'abort_signal'> & {
  readonly format: 'JSONEachRow' | 'JSONCompactEachRow'
}

/**
 * Reads all rows of a question. The client hears its signal only from the beginning of a request to the first byte of the
 * answer; this one hears what was aborted before, and while rows come, too.
 */
export async function queryRows<Row>(
  clickhouse: Pick<ClickHouseClient, 'query'>,
  question: Question,
  signal: AbortSignal,
): Promise<Row[]> {
  signal.throwIfAborted()
  const result = await clickhouse.query({ ...question, abort_signal: signal })
  const close = (): void => result.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    if (signal.aborted) close()
    return await result.json<Row>()
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', close)
  }
}
