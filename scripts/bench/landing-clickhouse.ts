import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchMesh } from './bench-mesh.ts'
import { processCpuSeconds, threadCpuSeconds } from './measure.ts'

export interface InsertRate {
  readonly rowsPerSecond: number
  /** CPU seconds per 1,000 rows, their merges included until these rest; NaN where they cannot be read. */
  readonly clickhouse: number
  /** Of it: by the threads that merge. */
  readonly merges: number
  /** On top of it, until each table is one part. */
  readonly rest: number
}

/** CPU seconds so far. */
export interface ClickhouseCpu {
  readonly clickhouse: number
  /** Of it: by the threads that merge. */
  readonly merges: number
}

export function readClickhouseCpu(mesh: BenchMesh): ClickhouseCpu {
  const pids = mesh.clickhouse.pids()
  return { clickhouse: processCpuSeconds(pids), merges: threadCpuSeconds(pids, 'MergeMutate') }
}

/** Statements that do not return before they are done. */
export async function askClickhouse(mesh: BenchMesh, query: string): Promise<string> {
  const response = await fetch(mesh.clickhouse.url, { method: 'POST', body: query })
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  return text.trim()
}

/** Merges cost what inserts left undone, so whatever is measured ends with them. */
export async function untilMergesRest(mesh: BenchMesh): Promise<void> {
  for (let looks = 0; looks < 8; ) {
    looks = (await askClickhouse(mesh, 'SELECT count() FROM system.merges')) === '0' ? looks + 1 : 0
    await sleep(250)
  }
}

const merged = 'merged'
const tables = ['events', 'meter_minutes', 'meter_hours', 'meter_days']

/**
 * Which merges fall into what is measured is chance, and a single INSERT leaves nearly all of its merging for later: only
 * where every row has ended in the one part of its partition has all been paid. Of tables with the same parts, which are
 * linked and not copied, so that those that were measured stay as they are.
 * @returns CPU seconds of ClickHouse per 1,000 rows
 */
export async function measureFullMerge(mesh: BenchMesh, database: string, rows: number): Promise<number> {
  await askClickhouse(mesh, `CREATE DATABASE ${merged}`)
  const { clickhouse: before } = readClickhouseCpu(mesh)
  for (const table of tables) {
    await askClickhouse(mesh, `CREATE TABLE ${merged}.${table} AS ${database}.${table}`)
    await askClickhouse(mesh, `ALTER TABLE ${merged}.${table} ATTACH PARTITION ALL FROM ${database}.${table}`)
  }
  await mergeWhole(mesh, merged)
  const used = readClickhouseCpu(mesh).clickhouse - before
  await askClickhouse(mesh, `DROP DATABASE ${merged} SYNC`)
  return used / (rows / 1_000)
}

async function mergeWhole(mesh: BenchMesh, database: string): Promise<void> {
  for (const table of tables) {
    await askClickhouse(
      mesh,
      `OPTIMIZE TABLE ${database}.${table} FINAL SETTINGS optimize_skip_merged_partitions = 1`,
    )
  }
  const names = tables.map((table) => `'${table}'`).join(', ')
  const left = await askClickhouse(
    mesh,
    `SELECT count() - uniqExact(table, partition) FROM system.parts
      WHERE active AND database = '${database}' AND table IN (${names})`,
  )
  if (left !== '0') throw new Error(`${left} parts of ${database} were not merged`)
}

/**
 * ClickHouse by itself: one INSERT, as it is by default, of the rows that have landed last, from a file in its own
 * format, into a database of the same tables and views.
 */
export async function measureInsertRate(mesh: BenchMesh, copy: string, rows: number): Promise<InsertRate> {
  // The aggregator makes the tables; topics of its own, so that nothing lands in them.
  await (await mesh.start('aggregator', { CLICKHOUSE_DATABASE: copy, KAFKA_TOPIC_PREFIX: `${copy}-` })).stop()
  const file = join(mesh.directory, 'rows.native')
  const newest = '(SELECT max(source) FROM millrace.events)'
  const url = (query: string): string => `${mesh.clickhouse.url}/?query=${encodeURIComponent(query)}`
  const exported = await fetch(url(`SELECT * FROM millrace.events WHERE source = ${newest} FORMAT Native`))
  if (!exported.ok || exported.body === null) throw new Error(await exported.text())
  await pipeline(Readable.fromWeb(exported.body as never), createWriteStream(file))
  await untilMergesRest(mesh)
  const before = readClickhouseCpu(mesh)
  const startedAt = performance.now()
  const inserted = await fetch(url(`INSERT INTO ${copy}.events FORMAT Native`), {
    method: 'POST',
    body: Readable.toWeb(createReadStream(file)) as never,
    duplex: 'half',
  } as RequestInit)
  if (!inserted.ok) throw new Error(await inserted.text())
  const seconds = (performance.now() - startedAt) / 1_000
  await untilMergesRest(mesh)
  const after = readClickhouseCpu(mesh)
  const found = Number(await askClickhouse(mesh, `SELECT count() FROM ${copy}.events`))
  if (found !== rows) throw new Error(`${found} rows were inserted instead of ${rows}`)
  const rest = await measureFullMerge(mesh, copy, rows)
  await askClickhouse(mesh, `DROP DATABASE ${copy} SYNC`)
  await rm(file)
  return {
    rowsPerSecond: rows / seconds,
    clickhouse: (after.clickhouse - before.clickhouse) / (rows / 1_000),
    merges: (after.merges - before.merges) / (rows / 1_000),
    rest,
  }
}

/**
 * Copies the rows that landed first until there are so many, each copy with ids and minutes of its own, as if they had
 * landed over the time before, and longer ago than repeats are looked for: the views take them too. All merging of theirs
 * is done, as it is with rows that have lain for long: who lands next pays for his own.
 */
export async function fillEvents(mesh: BenchMesh, rows: number): Promise<void> {
  const oldest = '(SELECT min(source) FROM millrace.events)'
  const counted = `SELECT count(), dateDiff('day', min(occurred_at), max(occurred_at)) + 1 FROM millrace.events`
  const [each = 0, days = 0] = (await askClickhouse(mesh, `${counted} WHERE source = ${oldest}`))
    .split('\t')
    .map(Number)
  // Beneath: beside it, the condition would read the new id.
  const first = `(SELECT * FROM millrace.events WHERE source = ${oldest} AND NOT startsWith(id, 'copy-'))`
  const found = async (): Promise<number> =>
    Number(await askClickhouse(mesh, `SELECT count() FROM millrace.events WHERE source = ${oldest}`))
  for (let copy = 1; copy * each < rows; copy += 1) {
    await askClickhouse(
      mesh,
      `INSERT INTO millrace.events SELECT * REPLACE (concat('copy-', '${copy}-', id) AS id,
          occurred_at - toIntervalDay(${copy * days}) AS occurred_at,
          received_at - toIntervalDay(2) AS received_at)
        FROM ${first}`,
    )
    if ((await found()) !== (copy + 1) * each) throw new Error(`copy ${copy} of the rows is not there`)
  }
  await mergeWhole(mesh, 'millrace')
  await untilMergesRest(mesh)
}
