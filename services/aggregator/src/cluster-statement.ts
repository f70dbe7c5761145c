/** Replicated tables forget tokens by their age too: after an hour when nobody says more. */
const tokenSeconds = 7 * 24 * 60 * 60

const engines: readonly string[] = ['MergeTree', 'AggregatingMergeTree', 'ReplacingMergeTree']
const table = /^(CREATE TABLE IF NOT EXISTS \w+)(\s*\()/
const view = /^(CREATE MATERIALIZED VIEW IF NOT EXISTS \w+)( TO \w+ AS\s)/
const alter = /^(ALTER TABLE \w+)(\s)/
const fill = /^INSERT INTO \w+\s+SELECT\s/
const engine = /^ENGINE = (\w+)/gm
const tokens = /\bnon_replicated_deduplication_window = (\d+)/g
const setting = /^MODIFY SETTING \w+ = (\w+|'\w+')$/
const alteration = /^(ADD COLUMN|ADD INDEX|MODIFY COLUMN|MODIFY ORDER BY)\s/

/**
 * A migration's statement as replicas take it: carried out by each of them, with tables that share their rows. What fills a
 * table is inserted at one of them and gets to the others by itself.
 * @param cluster of letters, digits, `_`, `.` and `-`
 * @throws {Error} when it does not know what the statement would do there
 */
export function toClusterStatement(statement: string, cluster: string): string {
  if (fill.test(statement)) return statement
  const everywhere = `$1 ${onCluster(cluster)}$2`
  if (view.test(statement)) return statement.replace(view, everywhere)
  if (table.test(statement)) return replicate(statement).replace(table, everywhere)
  if (alters(statement)) return keepTokens(statement).replace(alter, everywhere)
  throw unknown(statement)
}

export function onCluster(cluster: string): string {
  return `ON CLUSTER \`${cluster}\``
}

function replicate(statement: string): string {
  const [found, ...others] = [...statement.matchAll(engine)].map(([, name]) => name)
  if (found === undefined || others.length > 0 || !engines.includes(found)) throw unknown(statement)
  // Where in Keeper a table is, is the servers' to say, by default_replica_path and their macros.
  return keepTokens(statement.replace(engine, 'ENGINE = Replicated$1'))
}

/** Settings are each replica's own, columns the table's: ClickHouse takes them different ways, so not in one statement. */
function alters(statement: string): boolean {
  if (!alter.test(statement)) return false
  const text = statement.replace(alter, '')
  const alterations = outermost(text).split(',')
  return setting.test(text) || alterations.every((one) => alteration.test(one.trimStart()))
}

function keepTokens(statement: string): string {
  return statement.replace(
    tokens,
    `replicated_deduplication_window = $1, replicated_deduplication_window_seconds = ${tokenSeconds}`,
  )
}

/** Without what stands in parentheses or quotes. */
function outermost(text: string): string {
  const shorter = text.replace(/'(?:[^'\\]|\\.)*'|\([^()']*\)/g, '')
  return shorter === text ? text : outermost(shorter)
}

function unknown(statement: string): Error {
  return new Error(
    `a migration’s statement is of no form that is known to do on replicas what it does on one server (cluster-statement.ts): ${statement.slice(0, 80)}`,
  )
}
