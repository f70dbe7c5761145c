import { join } from 'node:path'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { migrate } from '../../src/migrate.ts'
import { readMigrations } from '../../src/read-migrations.ts'
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
      'event_changes',
      'events',
      'invalid_events',
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

t.test('a migration that was broken off is taken up again', async (t) => {
  const mesh = await createMeshFixture(t)
  const [first, ...others] = migrations
  if (first === undefined) throw new Error('no migrations')
  const broken = { ...first, statements: [...first.statements, 'SELECT throwIf(1)'] }
  await t.rejects(migrate([broken, ...others], mesh.config, logger))
  await migrate(migrations, mesh.config, logger)
  t.equal(await mesh.value('SELECT count() FROM schema_migrations'), String(migrations.length))
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
