import {
  type ClickHouseClient,
  type ClickHouseConfig,
  ClickHouseError,
  connectClickhouse,
} from '@millrace/service-kit/clickhouse-client'
import type { Logger } from '@millrace/service-kit/log'
import { requireReplicatedTables, requireSharedTables } from './check-replicas.ts'
import { onCluster, toClusterStatement } from './cluster-statement.ts'
import type { Migration } from './read-migrations.ts'
import { requireQuiet } from './require-quiet.ts'

type CommandParams = Parameters<ClickHouseClient['command']>[0]
type Run = (statement: string) => Promise<void>

export const migrationsTable = `CREATE TABLE IF NOT EXISTS schema_migrations
        (version UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplacingMergeTree ORDER BY version`

/** How ClickHouse goes about its work, nothing that anything relies on: a server that does not know the setting yet does without. */
const tuning = /^ALTER TABLE \w+ MODIFY SETTING (merge_selector|string_serialization)_\w+ = /

/** A replica that does not answer by then is down: the migration fails and tells so, rather than to leave it behind. */
const replicasTimeoutSeconds = 120

/** Filling a rollup from years of data takes its time; given up and begun anew it would never end. */
const longestStatementMs = 6 * 60 * 60 * 1_000

/**
 * Brings the database to the newest version. Several instances may do so at once: every statement is repeatable
 * (`IF NOT EXISTS`, a fill's token), so a migration that two of them run, or that was broken off, does no harm. A fill
 * that found nothing leaves no token: it is left out once its view is there, and what lands goes through that.
 * @throws {Error} when an applied migration's file has changed since, rows are landing that it would miss or count
 *   twice, or ClickHouse refuses
 */
export async function migrate(
  migrations: readonly Migration[],
  config: ClickHouseConfig,
  logger: Logger,
): Promise<void> {
  const { clickhouseCluster: cluster = '' } = config
  await createDatabase(config, cluster)
  const clickhouse = connectClickhouse(config, 'millrace-aggregator-migrations', longestStatementMs)
  const run: Run = async (statement) => {
    const query = cluster === '' ? statement : toClusterStatement(statement, cluster)
    try {
      await clickhouse.command({ query, ...byAllReplicas(cluster) })
    } catch (error) {
      const unknown = error instanceof ClickHouseError && error.type === 'UNKNOWN_SETTING'
      if (!unknown || !tuning.test(statement)) throw error
      logger.warn({ statement }, 'ClickHouse does not know this setting: the table does without')
    }
    // Another instance may be filling the table at a replica that dies: row-writer.ts says why to ask once more.
    if (cluster !== '' && query === statement) await clickhouse.command({ query })
  }
  try {
    // What all replicas have to do waits for all of them: not where nothing is to be done.
    if (cluster === '' || !(await exists(clickhouse, 'schema_migrations'))) await run(migrationsTable)
    const applied = await readApplied(clickhouse)
    checkApplied(migrations, applied, logger)
    for (const migration of migrations.filter(({ version }) => !applied.has(version))) {
      await requireQuiet(clickhouse, migration)
      await apply(clickhouse, migration, run)
      if (cluster !== '') await requireSharedTables(clickhouse, cluster)
      await markApplied(clickhouse, migration)
      logger.info({ migration: migration.name }, 'migration applied')
    }
  } finally {
    await clickhouse.close()
  }
}

/** A connection cannot name a database that is not there yet. */
async function createDatabase(config: ClickHouseConfig, cluster: string): Promise<void> {
  const server = connectClickhouse(
    { ...config, clickhouseDatabase: 'default' },
    'millrace-aggregator-migrations',
    cluster === '' ? undefined : longestStatementMs,
  )
  const { clickhouseDatabase: database } = config
  try {
    if (cluster !== '' && (await databaseExists(server, database)))
      return await requireReplicatedTables(server, database)
    await server.command({
      query: `CREATE DATABASE IF NOT EXISTS {database: Identifier}${cluster === '' ? '' : ` ${onCluster(cluster)}`}`,
      query_params: { database },
      ...byAllReplicas(cluster),
    })
  } finally {
    await server.close()
  }
}

async function databaseExists(server: ClickHouseClient, database: string): Promise<boolean> {
  const result = await server.query({
    query: 'SELECT 1 FROM system.databases WHERE name = {database: String}',
    query_params: { database },
    format: 'JSONEachRow',
  })
  return (await result.json()).length > 0
}

function byAllReplicas(cluster: string): Pick<CommandParams, 'clickhouse_settings'> {
  if (cluster === '') return {}
  return {
    clickhouse_settings: {
      distributed_ddl_task_timeout: String(replicasTimeoutSeconds),
      // Fails when one of them has failed or has not answered; nobody reads the list of those that have.
      distributed_ddl_output_mode: 'none',
      // One of them alters a table; what follows may need the change at the others.
      alter_sync: '2',
    },
  }
}

async function readApplied(clickhouse: ClickHouseClient): Promise<ReadonlyMap<number, string>> {
  const result = await clickhouse.query({
    query: 'SELECT version, any(checksum) AS checksum FROM schema_migrations GROUP BY version',
    format: 'JSONEachRow',
  })
  const rows = await result.json<{ version: number; checksum: string }>()
  return new Map(rows.map(({ version, checksum }) => [version, checksum]))
}

function checkApplied(
  migrations: readonly Migration[],
  applied: ReadonlyMap<number, string>,
  logger: Logger,
): void {
  for (const { version, name, checksum } of migrations) {
    const known = applied.get(version)
    if (known !== undefined && known !== checksum) {
      throw new Error(`migration ${name} was changed after it had been applied: add a new one instead`)
    }
  }
  const newest = Math.max(0, ...applied.keys())
  if (newest > migrations.length) {
    logger.warn({ newest, known: migrations.length }, 'the database was migrated by a later version')
  }
}

async function apply(clickhouse: ClickHouseClient, { statements }: Migration, run: Run): Promise<void> {
  for (const [at, statement] of statements.entries()) {
    const view = viewAfterFill(statement, statements.slice(at + 1))
    if (view === undefined || !(await exists(clickhouse, view))) await run(statement)
  }
}

async function markApplied(
  clickhouse: ClickHouseClient,
  { version, name, checksum }: Migration,
): Promise<void> {
  await clickhouse.insert({
    table: 'schema_migrations',
    values: [{ version, name, checksum }],
    format: 'JSONEachRow',
  })
}

/** The view that a later statement makes to feed what this one fills: it is made when all fills are done. */
function viewAfterFill(statement: string, later: readonly string[]): string | undefined {
  const table = /^INSERT INTO (\w+)\s/.exec(statement)?.[1]
  if (table === undefined) return undefined
  const views = later.map((one) => /^CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+) AS\s/.exec(one))
  return views.find((view) => view?.[2] === table)?.[1]
}

async function exists(clickhouse: ClickHouseClient, table: string): Promise<boolean> {
  const result = await clickhouse.query({
    query: 'SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = {table: String}',
    query_params: { table },
    format: 'JSONEachRow',
  })
  return (await result.json()).length > 0
}
