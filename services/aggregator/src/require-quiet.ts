import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import type { Migration } from './read-migrations.ts'

/** Migrations that fill a table from another one before the view between them is made, by version. */
const filledFrom: ReadonlyMap<number, string> = new Map([
  [8, 'events'],
  [9, 'deliveries'],
])

/** Longer than a batch that somebody is landing leaves no row behind under a load. */
const quietSeconds = 60

/**
 * What an aggregator of an earlier version lands between such a fill and its view is missing from the rollup. None can
 * be seen from here, but rows that have just landed can.
 * @throws {Error} while rows land
 */
export async function requireQuiet(
  clickhouse: Pick<ClickHouseClient, 'query'>,
  { version, name }: Migration,
): Promise<void> {
  const table = filledFrom.get(version)
  if (table === undefined) return
  const result = await clickhouse.query({
    query: `SELECT toInt32(dateDiff('second', max(stored_at), now64(6, 'UTC'))) AS seconds FROM ${table}
      WHERE stored_at > now64(6, 'UTC') - INTERVAL ${quietSeconds} SECOND`,
    format: 'JSONEachRow',
  })
  const [row] = await result.json<{ seconds: number }>()
  // Without a row the newest is the epoch.
  if (row === undefined || row.seconds > quietSeconds) return
  throw new Error(
    `migration ${name} fills a rollup from ${table}, and rows landed there ${row.seconds} s ago: stop all aggregators with SIGTERM first and wait ${quietSeconds} s (docs/operations.md, Upgrade)`,
  )
}
