import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import type { Migration } from './read-migrations.ts'

/**
 * Migrations that fill a table from what these feed before the view between them is made, by version. Backfills feed
 * meter_minutes too, but their rows do not tell when they landed.
 */
const filledFrom: ReadonlyMap<number, readonly string[]> = new Map([
  [8, ['events', 'event_changes']],
  [9, ['deliveries']],
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
  for (const table of filledFrom.get(version) ?? []) await requireQuietTable(clickhouse, name, table)
}

async function requireQuietTable(
  clickhouse: Pick<ClickHouseClient, 'query'>,
  name: string,
  table: string,
): Promise<void> {
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
