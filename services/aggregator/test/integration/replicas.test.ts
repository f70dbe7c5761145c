import { readConfig } from '@millrace/service-kit/config'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { toClusterStatement } from '../../src/cluster-statement.ts'
import { settings } from '../../src/config.ts'
import { migrate, migrationsTable } from '../../src/migrate.ts'
import { migrationsDirectory, readMigrations } from '../../src/read-migrations.ts'
import { createService } from '../../src/service.ts'
import { startClickhouseCluster } from './clickhouse-cluster.ts'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture, type MeshFixture, makeEvent, until } from './mesh-fixture.ts'

const migrations = readMigrations(migrationsDirectory)
const logger = createLogger('aggregator', 'silent')

/** The mesh's aggregator as it is set up for a cluster. */
function inCluster(mesh: MeshFixture, url: string) {
  return readConfig(settings, {
    ...mesh.environment,
    CLICKHOUSE_URL: url,
    CLICKHOUSE_CLUSTER: 'main-1',
  })
}

t.test('ClickHouse understands every statement as replicas take it', async (t) => {
  const mesh = await createMeshFixture(t)
  await migrate([], mesh.config, logger)
  const statements = [migrationsTable, ...migrations.flatMap((migration) => migration.statements)]
  for (const statement of statements) {
    const told = toClusterStatement(statement, 'main-1')
    const parsed = await mesh.clickhouse.query({ query: `EXPLAIN AST ${told}`, format: 'TabSeparatedRaw' })
    const kind = /^(CREATE|ALTER|INSERT)/.exec(statement)?.[0].toLowerCase() ?? ''
    t.match((await parsed.text()).toLowerCase(), new RegExp(`^${kind}query`), told.slice(0, 80))
    const formatted = await mesh.clickhouse.query({
      query: 'SELECT formatQuery({told: String})',
      query_params: { told },
      format: 'TabSeparatedRaw',
    })
    const again = await formatted.text()
    if (kind === 'insert') t.notMatch(again, 'ON CLUSTER')
    else t.match(again, 'ON CLUSTER `main-1`')
  }
})

t.test('migrations are carried out by all replicas, once', async (t) => {
  const mesh = await createMeshFixture(t)
  const cluster = await startClickhouseCluster(t, mesh.config.clickhouseUrl)
  const config = inCluster(mesh, cluster.url)
  await Promise.all([migrate(migrations, config, logger), migrate(migrations, config, logger)])
  const changes = () => cluster.statements.filter((one) => /^(CREATE|ALTER)\s/.test(one))
  const made = changes().map((statement) => statement.replace(' ON CLUSTER `main-1`', ''))
  for (const statement of migrations.flatMap(({ statements }) => statements)) {
    const [first = ''] = statement.split('\n')
    if (first.startsWith('CREATE '))
      t.ok(
        made.some((one) => one.startsWith(first)),
        first,
      )
  }
  for (const statement of changes()) t.match(statement, ' ON CLUSTER `main-1`', statement.slice(0, 60))
  t.equal(await mesh.value('SELECT uniqExact(version) FROM schema_migrations'), String(migrations.length))
  const before = changes().length
  await migrate(migrations, config, logger)
  t.equal(changes().length, before, 'a replica that is down is no hindrance where nothing is to be done')
})

t.test('a database of a single node is not taken for a replicated one', async (t) => {
  const mesh = await createMeshFixture(t)
  await migrate(migrations.slice(0, 1), mesh.config, logger)
  const config = inCluster(mesh, mesh.config.clickhouseUrl)
  await t.rejects(migrate(migrations, config, logger), {
    message: /tables of a single node \(events, invalid_events, schema_migrations\): name another one/,
  })
  t.equal(await mesh.value('SELECT max(version) FROM schema_migrations'), '1')
})

t.test('an aggregator of a cluster lands events and looks for repeats as one of a single node', async (t) => {
  const mesh = await createMeshFixture(t)
  await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
  const cluster = await startClickhouseCluster(t, mesh.config.clickhouseUrl)
  const service = await createService(inCluster(mesh, cluster.url), logger)
  t.teardown(service.stop)
  const events = Array.from({ length: 50 }, () => makeEvent())
  await mesh.publish(events)
  await mesh.publish(events)
  await until('50 visits', async () => (await mesh.landed()) === 50)
  t.equal(await mesh.value('SELECT count() FROM events'), '50')
  t.strictSame(await differingRollups(mesh), [])
  for (const asked of cluster.inserts) {
    t.equal(asked.get('insert_quorum'), '2')
    t.ok(asked.get('insert_deduplication_token'))
  }
  const tokens = cluster.inserts.map((asked) => asked.get('insert_deduplication_token'))
  t.ok(tokens.length > new Set(tokens).size, 'what a lane begins with is sent again')
  const synced = (table: string) => cluster.statements.includes(`SYSTEM SYNC REPLICA ${table} LIGHTWEIGHT`)
  for (const table of ['events', 'invalid_events', 'event_changes']) t.ok(synced(table), table)
})
