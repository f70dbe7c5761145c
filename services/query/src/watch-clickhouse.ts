import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import type { Logger } from '@millrace/service-kit/log'
import type { Readiness } from '@millrace/service-kit/readiness'

const everyMs = 1_000
const timeoutMs = 3_000
const tables = ['events', 'invalid_events', 'meter_minutes', 'deliveries']

/** Asks every second whether ClickHouse answers and has the tables; readiness tells. */
export function watchClickhouse(
  client: ClickHouseClient,
  readiness: Readiness,
  logger: Logger,
): { stop: () => void } {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let reported: string | undefined = ''
  const check = async (): Promise<void> => {
    const missing = await findMissing(client)
    if (stopped) return
    readiness.set('clickhouse', missing)
    if (missing !== reported)
      logger.info({ part: 'clickhouse', missing: missing ?? null }, 'clickhouse state')
    reported = missing
    timer = setTimeout(() => void check(), everyMs)
  }
  void check()
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

async function findMissing(client: ClickHouseClient): Promise<string | undefined> {
  try {
    const result = await client.query({
      // Names as parameters: what a statement reads from is brought up to date before, where there are replicas.
      query:
        'SELECT count() FROM system.tables WHERE database = currentDatabase() AND name IN {tables: Array(String)}',
      query_params: { tables },
      format: 'JSONCompactEachRow',
      abort_signal: AbortSignal.timeout(timeoutMs),
    })
    const [[count] = [0]] = await result.json<[string | number]>()
    return Number(count) === tables.length ? undefined : 'the tables are not there yet'
  } catch (error) {
    // Databases that do not exist answer so, too.
    return (error as { type?: string }).type === 'UNKNOWN_DATABASE'
      ? 'the tables are not there yet'
      : 'does not answer'
  }
}
