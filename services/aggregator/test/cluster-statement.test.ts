import { replicatedTables } from '@millrace/service-kit/clickhouse-replicas'
import t from 'tap'
import { toClusterStatement } from '../src/cluster-statement.ts'
import { migrationsTable } from '../src/migrate.ts'
import { migrationsDirectory, readMigrations } from '../src/read-migrations.ts'

const statements = [
  migrationsTable,
  ...readMigrations(migrationsDirectory).flatMap((migration) => migration.statements),
]
const rewritten = statements.map((statement) => ({
  statement,
  told: toClusterStatement(statement, 'main-1'),
}))

t.test('every replica carries out every statement but those that fill tables', async (t) => {
  for (const { statement, told } of rewritten) {
    if (statement.startsWith('INSERT ')) t.equal(told, statement)
    else
      t.match(
        told,
        /^(CREATE TABLE IF NOT EXISTS|CREATE MATERIALIZED VIEW IF NOT EXISTS|ALTER TABLE) \w+ ON CLUSTER `main-1`\s/,
      )
  }
})

t.test('every table shares its rows, and nothing else of it changes', async (t) => {
  const engine = /^ENGINE = (\w+)/m
  let tables = 0
  for (const { statement, told } of rewritten) {
    const single = engine.exec(statement)?.[1]
    if (single === undefined) t.notMatch(told, /MergeTree/)
    else {
      tables += 1
      t.equal(engine.exec(told)?.[1], `Replicated${single}`)
    }
    const back = told
      .replace(' ON CLUSTER `main-1`', '')
      .replace('ENGINE = Replicated', 'ENGINE = ')
      .replace(
        / replicated_deduplication_window = (\d+), replicated_deduplication_window_seconds = 604800/g,
        ' non_replicated_deduplication_window = $1',
      )
    t.equal(back, statement)
  }
  t.equal(tables, replicatedTables.length)
})

t.test('tokens are remembered as many, and for a week', async (t) => {
  for (const { statement, told } of rewritten) {
    t.notMatch(told, /\bnon_replicated/)
    const sizes = [...statement.matchAll(/non_replicated_deduplication_window = (\d+)/g)].map(
      ([, size]) => size,
    )
    for (const size of sizes) {
      t.match(
        told,
        `replicated_deduplication_window = ${size}, replicated_deduplication_window_seconds = 604800`,
      )
    }
  }
})

t.test('reads are brought up to date in every table that a migration makes', async (t) => {
  const made = statements.flatMap((one) => /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(one)?.[1] ?? [])
  t.strictSame(made.sort(), [...replicatedTables].sort())
})

t.test('a statement that nobody has thought through for replicas is refused', async (t) => {
  const refused = [
    'CREATE TABLE events (a UInt8)\nENGINE = MergeTree ORDER BY a',
    'CREATE TABLE IF NOT EXISTS other.events (a UInt8)\nENGINE = MergeTree ORDER BY a',
    'CREATE TABLE IF NOT EXISTS a (a UInt8)\nENGINE = SummingMergeTree ORDER BY a',
    'CREATE TABLE IF NOT EXISTS a (a UInt8)\nENGINE = Memory',
    'CREATE TABLE IF NOT EXISTS a AS b',
    'CREATE TABLE IF NOT EXISTS a (a UInt8) ENGINE = MergeTree ORDER BY a',
    'CREATE MATERIALIZED VIEW IF NOT EXISTS a ENGINE = MergeTree AS SELECT 1',
    'CREATE VIEW IF NOT EXISTS a AS SELECT 1',
    'ALTER TABLE events DELETE WHERE 1',
    "ALTER TABLE events UPDATE data = '' WHERE 1",
    'ALTER TABLE events ADD COLUMN IF NOT EXISTS a String, DROP COLUMN b',
    'ALTER TABLE events ADD COLUMN IF NOT EXISTS a String, MODIFY SETTING b = 1',
    'ALTER TABLE events DROP PARTITION 1',
    'DROP TABLE events',
    'RENAME TABLE events TO old',
    'OPTIMIZE TABLE events FINAL',
    'TRUNCATE TABLE events',
    'DELETE FROM events WHERE 1',
    'SYSTEM STOP MERGES',
  ]
  for (const statement of refused)
    t.throws(() => toClusterStatement(statement, 'a'), /no form that is known/, statement)
})

t.test('a setting may be a text', async (t) => {
  t.equal(
    toClusterStatement("ALTER TABLE a MODIFY SETTING b = 'c_d'", 'e'),
    "ALTER TABLE a ON CLUSTER `e` MODIFY SETTING b = 'c_d'",
  )
  t.throws(() => toClusterStatement("ALTER TABLE a MODIFY SETTING b = 'c', DROP COLUMN d", 'e'))
})

t.test('what stands in a column’s type or in text is no alteration', async (t) => {
  t.equal(
    toClusterStatement(
      "ALTER TABLE a ADD COLUMN IF NOT EXISTS b Decimal(38, 18) DEFAULT ', DROP' CODEC(T64, ZSTD(1))",
      'c',
    ),
    "ALTER TABLE a ON CLUSTER `c` ADD COLUMN IF NOT EXISTS b Decimal(38, 18) DEFAULT ', DROP' CODEC(T64, ZSTD(1))",
  )
})
