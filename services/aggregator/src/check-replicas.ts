import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'

/** @throws {Error} when the database was made for a single node: its tables would stay on one replica */
export async function requireReplicatedTables(
  clickhouse: Pick<ClickHouseClient, 'query'>,
  database: string,
): Promise<void> {
  const tables = await namesOf(
    clickhouse,
    `SELECT name FROM system.tables WHERE database = {database: String} AND engine LIKE '%MergeTree'
      AND engine NOT LIKE 'Replicated%' ORDER BY name`,
    { database },
  )
  if (tables.length === 0) return
  throw new Error(
    `CLICKHOUSE_CLUSTER is set, and the database ${database} holds tables of a single node (${tables.join(', ')}): name another one in CLICKHOUSE_DATABASE (docs/operations.md, ClickHouse in replicas)`,
  )
}

/**
 * Replicas that made a table each for itself do not know of each other, and one that has none takes no part.
 * @throws {Error} when a table is not shared by as many as the cluster has
 */
export async function requireSharedTables(
  clickhouse: Pick<ClickHouseClient, 'query'>,
  cluster: string,
): Promise<void> {
  const tables = await namesOf(
    clickhouse,
    `SELECT concat(table, ' (', toString(total_replicas), ')') AS name FROM system.replicas
      WHERE database = currentDatabase()
        AND total_replicas < (SELECT count() FROM system.clusters WHERE cluster = {cluster: String}) ORDER BY table`,
    { cluster },
  )
  if (tables.length === 0) return
  throw new Error(
    `not every replica of the cluster ${cluster} shares in ${tables.join(', ')}: look for errors of their creation in system.distributed_ddl_queue, and drop the tables where they are on their own`,
  )
}

async function namesOf(
  clickhouse: Pick<ClickHouseClient, 'query'>,
  query: string,
  parameters: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const result = await clickhouse.query({ query, query_params: parameters, format: 'JSONEachRow' })
  return (await result.json<{ name: string }>()).map(({ name }) => name)
}
