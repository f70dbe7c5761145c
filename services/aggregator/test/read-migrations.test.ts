import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readMigrations, splitStatements } from '../src/read-migrations.ts'

const committed = readMigrations(join(import.meta.dirname, '../migrations'))

function makeFolder(t: Test, files: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const file of files) writeFileSync(join(folder, file), 'SELECT 1;\n')
  return folder
}

t.test('every statement of every migration may be run twice', async (t) => {
  t.ok(committed.length > 0)
  const replacing = committed
    .flatMap(({ statements }) => statements)
    .flatMap(
      (statement) =>
        /^CREATE TABLE IF NOT EXISTS (\w+)[\s\S]*ENGINE = ReplacingMergeTree/.exec(statement)?.[1] ?? [],
    )
  for (const { name, statements } of committed) {
    t.ok(statements.length > 0, name)
    for (const statement of statements) {
      // To set what is set already changes nothing.
      const repeatable = /^(CREATE|ALTER) [\s\S]*IF (NOT )?EXISTS|^ALTER TABLE \w+ MODIFY SETTING /
      const filled = /^INSERT INTO (\w+)/.exec(statement)?.[1]
      if (filled !== undefined) {
        const once = replacing.includes(filled) || /insert_deduplication_token = '/.test(statement)
        t.ok(once, `${name}: what fills ${filled} replaces itself or has a token`)
      } else t.match(statement, repeatable, `${name}: ${statement.slice(0, 60)}`)
    }
  }
})

t.test('tables that take tokens remember them', async (t) => {
  const statements = committed.flatMap((migration) => migration.statements)
  for (const table of [
    'events',
    'invalid_events',
    'meter_minutes',
    'meter_hours',
    'meter_days',
    'delivery_minutes',
    'delivery_hours',
    'meter_readings',
    'event_changes',
    'backfilled_readings',
    'backfill_chunks',
  ]) {
    const create = statements.find((statement) =>
      statement.startsWith(`CREATE TABLE IF NOT EXISTS ${table}\n`),
    )
    t.match(create, /non_replicated_deduplication_window = \d{5,}/, table)
  }
})

t.test('comments and empty statements are left out', async (t) => {
  t.strictSame(splitStatements('-- a; comment\nSELECT 1;\n\n  -- more\nSELECT\n  2;\n;\n'), [
    'SELECT 1',
    'SELECT\n  2',
  ])
})

t.test('files that are out of order or misnamed are refused', async (t) => {
  t.throws(() => readMigrations(makeFolder(t, ['001-a.sql', '003-c.sql'])), /003-c\.sql: expected number 002/)
  t.throws(() => readMigrations(makeFolder(t, ['001-a.sql', '001-b.sql'])), /001-b\.sql: expected number 002/)
  t.throws(() => readMigrations(makeFolder(t, ['1-a.sql'])), /1-a\.sql/)
  t.equal(readMigrations(makeFolder(t, ['002-b.sql', '001-a.sql'])).length, 2)
})
