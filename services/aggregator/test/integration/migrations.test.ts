import { join } from 'node:path'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { migrate } from '../../src/migrate.ts'
import { type Migration, readMigrations } from '../../src/read-migrations.ts'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture } from './mesh-fixture.ts'

const migrations = readMigrations(join(import.meta.dirname, '../../migrations'))
const logger = createLogger('aggregator', 'silent')

t.test('several instances may migrate an empty server at once, and again', async (t) => {
  const mesh = await createMeshFixture(t)
  await Promise.all(Array.from({ length: 4 }, () => migrate(migrations, mesh.config, logger)))
  await migrate(migrations, mesh.config, logger)
  t.strictSame(
    (await mesh.rows<{ name: string }>('SELECT DISTINCT name FROM schema_migrations ORDER BY name')).map(
      ({ name }) => name,
    ),
    migrations.map(({ name }) => name),
  )
  t.strictSame(
    (await mesh.rows<{ name: string }>('SHOW TABLES')).map(({ name }) => name),
    [
      'backfill_chunks',
      'backfill_marks',
      'backfilled_readings',
      'deliveries',
      'delivery_hours',
      'delivery_hours_of_minutes',
      'delivery_minutes',
      'delivery_minutes_of_deliveries',
      'delivery_states',
      'delivery_states_of_deliveries',
      'event_changes',
      'events',
      'invalid_events',
      'meter_days',
      'meter_days_of_hours',
      'meter_hours',
      'meter_hours_of_minutes',
      'meter_minutes',
      'meter_minutes_of_backfills',
      'meter_minutes_of_changes',
      'meter_minutes_of_events',
      'meter_readings',
      'replays',
      'schema_migrations',
    ],
  )
})

t.test('instances that migrate what has landed before fill each rollup once', async (t) => {
  const mesh = await createMeshFixture(t)
  await migrate(migrations.slice(0, 7), mesh.config, logger)
  await mesh.clickhouse.command({
    query: `INSERT INTO events (tenant, id, type, occurred_at, readings) SELECT 'default', toString(number), 'visit.recorded',
      toDateTime64('2026-01-01', 6, 'UTC') + number * 97,
      [('visits', 1, ['p' || toString(number % 7)], 1.25), ('orders', 2, [], NULL)] FROM numbers(20000)`,
  })
  await mesh.clickhouse.command({
    query: `INSERT INTO deliveries (tenant, delivery_id, endpoint, number, outcome, started_at, duration_us, response_code)
      SELECT 'default', toString(intDiv(number, 3)), 'partner', number % 3, ['accepted', 'retry', 'delivered'][number % 3 + 1],
      toDateTime64('2026-01-01', 6, 'UTC') + number, 1000, 200 FROM numbers(3000)`,
  })
  await mesh.clickhouse.command({ query: 'INSERT INTO deliveries SELECT * FROM deliveries' })
  const [broken, ...others] = migrations.slice(7).map((migration) => ({
    ...migration,
    statements: [...migration.statements.slice(0, 5), 'SELECT throwIf(1)'],
  }))
  if (broken === undefined || others.length === 0) throw new Error('no migrations')
  const halfway = [...migrations.slice(0, 7), broken, ...others]
  await t.rejects(migrate(halfway, mesh.config, logger), 'one is broken off between two fills')
  await Promise.all(Array.from({ length: 4 }, () => migrate(migrations, mesh.config, logger)))
  await mesh.clickhouse.command({
    query: `INSERT INTO events (tenant, id, type, occurred_at, readings) SELECT 'default', 'late', 'visit.recorded',
      toDateTime64('2026-01-01', 6, 'UTC'), [('visits', 1, ['p3'], 2)]`,
  })
  t.equal(await mesh.value('SELECT sum(count), sum(sum) FROM meter_days'), '40001\t25002')
  t.strictSame(await differingRollups(mesh), [])
  for (const table of ['delivery_minutes', 'delivery_hours']) {
    t.equal(
      await mesh.value(`SELECT sum(accepted), sum(requests), sum(delivered), sum(failed),
        abs(quantilesDDMerge(0.01, 0.5, 0.9, 0.95, 0.99)(durations)[4] - 1000) < 10 FROM ${table}`),
      '1000\t2000\t1000\t1000\t1',
      table,
    )
  }
})

t.test('an instance that is late to migrate does not fill a rollup from what came by its view', async (t) => {
  const mesh = await createMeshFixture(t)
  await migrate(migrations, mesh.config, logger)
  await mesh.clickhouse.command({
    query: `INSERT INTO events (tenant, id, type, stored_at, readings) SELECT 'default', 'a', 'visit.recorded',
      now64(6, 'UTC') - INTERVAL 2 MINUTE, [('visits', 1, [], 1)]`,
  })
  await mesh.clickhouse.command({
    query: `INSERT INTO deliveries (tenant, delivery_id, endpoint, number, outcome, started_at, stored_at)
      SELECT 'default', 'a', 'partner', 1, 'delivered', now64(6, 'UTC'), now64(6, 'UTC') - INTERVAL 2 MINUTE`,
  })
  // As it looked to the late one: nothing of these had been applied.
  await mesh.clickhouse.command({
    query: 'ALTER TABLE schema_migrations DELETE WHERE version > 7 SETTINGS mutations_sync = 1',
  })
  await migrate(migrations, mesh.config, logger)
  t.strictSame(await differingRollups(mesh), [])
  t.equal(await mesh.value('SELECT sum(count) FROM meter_hours'), '1')
  t.equal(await mesh.value('SELECT sum(requests) FROM delivery_minutes'), '1')
  t.equal(await mesh.value('SELECT sum(requests) FROM delivery_hours'), '1')
  t.equal(await mesh.value('SELECT uniqExact(version) FROM schema_migrations'), String(migrations.length))
})

t.test('a rollup is not filled while an aggregator of before lands what it is filled from', async (t) => {
  const mesh = await createMeshFixture(t)
  await migrate(migrations.slice(0, 7), mesh.config, logger)
  const land = (id: string, storedAt: string) =>
    mesh.clickhouse.command({
      query: `INSERT INTO events (tenant, id, type, stored_at, readings)
        SELECT 'default', '${id}', 'visit.recorded', ${storedAt}, [('visits', 1, [], 1)]`,
    })
  await land('old', "now64(6, 'UTC') - INTERVAL 2 MINUTE")
  await land('new', "now64(6, 'UTC')")
  await t.rejects(
    migrate(migrations, mesh.config, logger),
    /008-hours-and-days fills .* stop all aggregators/,
  )
  t.equal(await mesh.value('SELECT max(version) FROM schema_migrations'), '7')
  await mesh.clickhouse.command({
    query: "ALTER TABLE events DELETE WHERE id = 'new' SETTINGS mutations_sync = 1",
  })
  await mesh.clickhouse.command({
    query:
      "INSERT INTO event_changes (tenant, id, kind, stored_at) SELECT 'default', 'old', 'retraction', now64(6, 'UTC')",
  })
  await t.rejects(migrate(migrations, mesh.config, logger), /fills a rollup from event_changes/)
  await mesh.clickhouse.command({
    query: 'ALTER TABLE event_changes DELETE WHERE 1 SETTINGS mutations_sync = 1',
  })
  await migrate(migrations, mesh.config, logger)
  t.equal(await mesh.value('SELECT sum(count) FROM meter_days'), '2', 'what has landed is all there')
})

t.test('a migration that was broken off is taken up again', async (t) => {
  const mesh = await createMeshFixture(t)
  const [first, ...others] = migrations
  if (first === undefined) throw new Error('no migrations')
  const broken = { ...first, statements: [...first.statements, 'SELECT throwIf(1)'] }
  await t.rejects(migrate([broken, ...others], mesh.config, logger))
  await migrate(migrations, mesh.config, logger)
  t.equal(await mesh.value('SELECT count() FROM schema_migrations'), String(migrations.length))
})

t.test('an older ClickHouse does without what only tunes, and without nothing else', async (t) => {
  const mesh = await createMeshFixture(t)
  await migrate(migrations, mesh.config, logger)
  const later = (setting: string): Migration => ({
    version: migrations.length + 1,
    name: 'of-later',
    checksum: 'any',
    statements: [
      `ALTER TABLE events MODIFY SETTING ${setting}`,
      'ALTER TABLE events MODIFY SETTING merge_selector_base = 17',
    ],
  })
  const further = (setting: string) => migrate([...migrations, later(setting)], mesh.config, logger)
  await t.rejects(further('deduplication_of_later = 1'), { message: /Unknown setting/ })
  await t.rejects(further("merge_selector_base = 'red'"), { message: /point value here: red/ })
  t.equal(await mesh.value('SELECT max(version) FROM schema_migrations'), String(migrations.length))
  await further("string_serialization_of_later = 'any'")
  t.equal(await mesh.value('SELECT max(version) FROM schema_migrations'), String(migrations.length + 1))
  t.match(
    await mesh.value('SHOW CREATE TABLE events'),
    /merge_selector_base = 17/,
    'what comes behind it is done',
  )
})

t.test('events that were written with lengths apart are merged with those of after', async (t) => {
  const mesh = await createMeshFixture(t)
  await migrate(migrations.slice(0, 12), mesh.config, logger)
  const land = (from: number) =>
    mesh.clickhouse.command({
      query: `INSERT INTO events (tenant, source, id, type, subject, data, readings)
        SELECT 'default', '', toString(number), 'visit.recorded', repeat('ä', number % 50), '{"a":' || toString(number) || '}',
        [('visits', 1, ['p' || toString(number % 7), ''], 1.25), ('', 2, [], NULL)] FROM numbers(${from}, 1000)`,
    })
  const sum = 'SELECT count(), uniqExact(id), sum(cityHash64(id, subject, data, readings)) FROM events'
  await land(0)
  await migrate(migrations, mesh.config, logger)
  t.match(await mesh.value('SHOW CREATE TABLE events'), /string_serialization_version = .*single_stream/)
  await land(1_000)
  const before = await mesh.value(sum)
  await mesh.clickhouse.command({ query: 'OPTIMIZE TABLE events FINAL' })
  t.equal(await mesh.value(sum), before)
  t.match(before, /^2000\t2000\t/)
  t.equal(
    await mesh.value(
      "SELECT uniqExact(name) FROM system.parts WHERE active AND table = 'events' AND database = currentDatabase()",
    ),
    '1',
  )
})

t.test('a migration that was changed after it had been applied is refused', async (t) => {
  const mesh = await createMeshFixture(t)
  await migrate(migrations, mesh.config, logger)
  const changed = migrations.map((one) => (one.version === 2 ? { ...one, checksum: 'another' } : one))
  await t.rejects(migrate(changed, mesh.config, logger), /002-meter-minutes was changed/)
})

t.test('a database that a later version has migrated is left as it is', async (t) => {
  const mesh = await createMeshFixture(t)
  await migrate(migrations, mesh.config, logger)
  await migrate(migrations.slice(0, 2), mesh.config, logger)
  t.equal(await mesh.value('SELECT max(version) FROM schema_migrations'), String(migrations.length))
})
