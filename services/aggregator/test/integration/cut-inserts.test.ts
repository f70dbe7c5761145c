import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '@millrace/service-kit/log'
import { createReadiness } from '@millrace/service-kit/readiness'
import t from 'tap'
import { createBatch } from '../../src/batch.ts'
import { migrate } from '../../src/migrate.ts'
import { readMigrations } from '../../src/read-migrations.ts'
import { createRowWriter, type RowBlock } from '../../src/row-writer.ts'
import { viewEvent } from '../event-fixture.ts'
import { blockBytes } from './block-bytes.ts'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture, type MeshFixture, makeEvent } from './mesh-fixture.ts'

const logger = createLogger('aggregator', 'silent')
const overlay = { add: () => {}, correct: () => {}, keep: () => {}, drop: () => {} }

/** A block of events, or of their single readings, in two months; with as many rows they are of one length. */
function makeBlock(rows: number, from: number, table: 'events' | 'meter_readings' = 'events'): RowBlock {
  const batch = createBatch(from, 0, overlay)
  const thisMonthUs = Date.UTC(2026, 0, 15) * 1_000
  for (let index = 0; index < rows; index += 1) {
    const receivedAtUs = thisMonthUs + (index % 2) * 31 * 86_400_000_000
    const event = makeEvent({
      receivedAtUs,
      occurredAtUs: receivedAtUs - index * 60_000_000,
      traceparent: '',
    })
    const readings = [{ meter: 'visits', version: 1, group: [`g${10 + (index % 40)}`], value: 5n }]
    const values = table === 'events' ? [] : readings
    const judgement = { status: 'valid', schemaVersion: 1, readings, values, valuesMissing: 0 } as const
    batch.add(viewEvent(event), judgement, {
      position: { partition: 0, offset: from, index },
      storedAtUs: receivedAtUs,
      catalogPosition: 1,
      replay: '',
      cameInAtUs: receivedAtUs,
    })
  }
  batch.endMessage(from)
  const block = batch.blocks('cut', 0).find((one) => one.table === table)
  if (block === undefined) throw new Error('no rows')
  return block
}

async function createWriter(mesh: MeshFixture) {
  await migrate(readMigrations(join(import.meta.dirname, '../../migrations')), mesh.config, logger)
  const { clickhouse } = mesh
  const readiness = createReadiness([])
  return createRowWriter({ clickhouse, readiness, logger, onRetry: () => {}, limitMs: 30_000 })
}

/** Announces the whole body, sends the first bytes of it and hangs up. */
async function insertCut(mesh: MeshFixture, block: RowBlock, bytes: number, chunked: boolean): Promise<void> {
  const { hostname, port } = new URL(mesh.config.clickhouseUrl)
  const query = new URLSearchParams({
    database: mesh.config.clickhouseDatabase,
    query: `INSERT INTO ${block.table} (${block.columns.join(', ')}) FORMAT ${block.format ?? 'RowBinary'}`,
    insert_deduplication_token: block.token ?? '',
  })
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  const rows = blockBytes(block)
  const body = rows.subarray(0, bytes)
  const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${rows.length}`
  socket.write(`POST /?${query} HTTP/1.1\r\nHost: ${hostname}\r\n${length}\r\n\r\n`)
  if (chunked) socket.write(`${bytes.toString(16)}\r\n`)
  socket.write(body)
  if (chunked) socket.write('\r\n')
  socket.end()
  socket.resume()
  await once(socket, 'close')
}

t.test('half a request never takes the token of the whole', async (t) => {
  const mesh = await createMeshFixture(t)
  const writer = await createWriter(mesh)
  const rows = 100
  const { signal } = new AbortController()
  let blocks = 0
  const body = blockBytes(makeBlock(rows, 0))
  const subject = body.indexOf('subject') - 1
  t.ok(subject > 0)
  for (const chunked of [false, true]) {
    // In the head, between columns, within one, and all but the last byte.
    for (const bytes of [1, 2, subject, subject + 100, Math.floor(body.length / 2), body.length - 1]) {
      const block = makeBlock(rows, blocks)
      await insertCut(mesh, block, bytes, chunked)
      await writer.insert(block, signal)
      blocks += 1
      t.equal(await mesh.value('SELECT count() FROM events'), String(blocks * rows), `${bytes} bytes came`)
    }
  }
  t.equal(await mesh.landed(), blocks * rows)
  t.strictSame(await differingRollups(mesh), [])
})

t.test('nor do half the rows of a table that is written row by row', async (t) => {
  const mesh = await createMeshFixture(t)
  const writer = await createWriter(mesh)
  const rows = 100
  const { signal } = new AbortController()
  let blocks = 0
  const wholeRow = blockBytes(makeBlock(rows, 0, 'meter_readings')).length / rows
  t.ok(Number.isInteger(wholeRow), 'rows are of one length')
  for (const chunked of [false, true]) {
    // In the first row, between rows, within one, and all but the last byte.
    for (const bytes of [1, wholeRow, 50 * wholeRow, 50 * wholeRow + 7, rows * wholeRow - 1]) {
      const block = makeBlock(rows, blocks, 'meter_readings')
      await insertCut(mesh, block, bytes, chunked)
      await writer.insert(block, signal)
      blocks += 1
      const landed = await mesh.value('SELECT count() FROM meter_readings')
      t.equal(landed, String(blocks * rows), `${bytes} bytes came`)
    }
  }
})

t.test(
  'an insert that is given up at any moment and repeated is there once, behind the view too',
  async (t) => {
    const mesh = await createMeshFixture(t)
    const writer = await createWriter(mesh)
    const rows = 3_000
    const { signal } = new AbortController()
    const moments = [0, 1, 2, 4, 6, 8, 11, 14, 18, 22, 27, 33, 40, 50, 70, 100]
    for (const [index, afterMs] of moments.entries()) {
      const block = makeBlock(rows, index)
      const aborter = new AbortController()
      const given = writer.insert(block, aborter.signal).catch(() => {})
      await sleep(afterMs)
      aborter.abort(new Error('given up'))
      // At once: the first may still be at work when the second comes.
      await Promise.all([given, writer.insert(block, signal)])
    }
    t.equal(await mesh.value('SELECT count(), uniqExact(id) FROM events'), `${16 * rows}\t${16 * rows}`)
    t.equal(await mesh.landed(), 16 * rows)
    t.strictSame(await differingRollups(mesh), [])
  },
)
