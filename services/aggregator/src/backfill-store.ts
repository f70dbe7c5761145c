import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import { type BackfilledMeter, meterKey, selectEvents } from './backfill-meter.ts'
import type { ChunkRange, CountEvents } from './backfill-plan.ts'
import { RowBinary } from './row-binary.ts'
import type { RowBlock } from './row-writer.ts'

export interface Chunk extends ChunkRange {
  readonly chunk: number
  readonly chunks: number
  readonly landed: boolean
}

/** What is written down of a backfill; it survives every process. */
export interface BackfillState {
  /** Partitions whose events of before the meter have all landed. */
  readonly marked: ReadonlySet<number>
  /** In order; empty until the backfill is planned. */
  readonly chunks: readonly Chunk[]
}

export interface Mark {
  readonly meter: BackfilledMeter
  readonly partition: number
  /** First offset that was judged with the meter. */
  readonly through: number
}

export interface BackfillStore {
  /** By `meterKey`. */
  read(meters: readonly BackfilledMeter[], signal: AbortSignal): Promise<ReadonlyMap<string, BackfillState>>
  /** Keys of the meters whose backfills are complete. */
  readComplete(signal: AbortSignal): Promise<ReadonlySet<string>>
  countEvents(meter: BackfilledMeter, signal: AbortSignal): CountEvents
  /** Events from before catalog positions were written have the meter's reading: it needs no backfill. */
  isOlderThanPositions(meter: BackfilledMeter, signal: AbortSignal): Promise<boolean>
}

const chunkColumns = ['chunk', 'chunks', 'from_us', 'to_us', 'bucket', 'buckets', 'events', 'landed'] as const
type ChunkRow = Record<(typeof chunkColumns)[number], string>
type MeterRow = { readonly tenant: string; readonly meter: string; readonly version: string }

export function createBackfillStore(clickhouse: ClickHouseClient): BackfillStore {
  const query = async <Row>(
    sql: string,
    parameters: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<readonly Row[]> => {
    const result = await clickhouse.query({
      query: sql,
      query_params: parameters,
      format: 'JSONEachRow',
      // 64-bit numbers as text: the rows that hold them are few.
      clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
      abort_signal: signal,
    })
    return await result.json<Row>()
  }
  return {
    async read(meters, signal) {
      const parameters = {
        tenants: meters.map(({ tenant }) => tenant),
        meters: meters.map(({ name }) => name),
        versions: meters.map(({ version }) => version),
      }
      const marks = await query<MeterRow & { partition: number }>(
        `SELECT DISTINCT tenant, meter, version, partition FROM backfill_marks WHERE ${ofMeters}`,
        parameters,
        signal,
      )
      const chunks = await query<MeterRow & ChunkRow>(
        `SELECT tenant, meter, version, ${chunkColumns.join(', ')} FROM backfill_chunks FINAL WHERE ${ofMeters}
        ORDER BY chunk`,
        parameters,
        signal,
      )
      const state = (key: string): BackfillState => ({
        marked: new Set(marks.filter((row) => keyOf(row) === key).map(({ partition }) => Number(partition))),
        chunks: chunks.filter((row) => keyOf(row) === key).map(toChunk),
      })
      return new Map(meters.map((meter) => [meterKey(meter), state(meterKey(meter))]))
    },
    async readComplete(signal) {
      const rows = await query<MeterRow>(
        `SELECT tenant, meter, version FROM backfill_chunks FINAL GROUP BY tenant, meter, version
        HAVING countIf(landed) = any(chunks)`,
        {},
        signal,
      )
      return new Set(rows.map(keyOf))
    },
    countEvents: (meter, signal) => async (fromUs, toUs, widthUs) => {
      const { where, parameters } = selectEvents(meter, { fromUs, toUs, bucket: 0, buckets: 1 })
      const rows = await query<{ cell: string; events: string }>(
        `SELECT intDiv(toUnixTimestamp64Micro(occurred_at) - {fromUs: Int64}, {widthUs: Int64}) AS cell, count() AS events
        FROM events WHERE ${where} GROUP BY cell ORDER BY cell`,
        { ...parameters, widthUs: String(widthUs) },
        signal,
      )
      return rows.map(({ cell, events }) => ({
        fromUs: fromUs + Number(cell) * widthUs,
        events: Number(events),
      }))
    },
    async isOlderThanPositions(meter, signal) {
      const { where, parameters } = selectEvents(meter, everything)
      const rows = await query(
        `SELECT 1 FROM events WHERE ${where} AND catalog_position = 0
        AND arrayExists(it -> it.meter = {meter: String} AND it.version = {version: UInt64}, readings) LIMIT 1`,
        { ...parameters, meter: meter.name, version: meter.version },
        signal,
      )
      return rows.length > 0
    },
  }
}

const everything = { fromUs: 0, toUs: 2 ** 32 * 1_000_000, bucket: 0, buckets: 1 }

const ofMeters = `(tenant, meter, version) IN (SELECT arrayJoin(arrayZip(
          {tenants: Array(String)}, {meters: Array(String)}, {versions: Array(UInt64)})))`

function keyOf({ tenant, meter, version }: MeterRow): string {
  return meterKey({ tenant, name: meter, version: Number(version) })
}

function toChunk(row: ChunkRow): Chunk {
  return {
    chunk: Number(row.chunk),
    chunks: Number(row.chunks),
    fromUs: Number(row.from_us),
    toUs: Number(row.to_us),
    bucket: Number(row.bucket),
    buckets: Number(row.buckets),
    events: Number(row.events),
    landed: Number(row.landed) === 1,
  }
}

/** A mark that is written again replaces itself. */
export function marksBlock(marks: readonly Mark[]): RowBlock {
  const row = new RowBinary(1_024)
  for (const { meter, partition, through } of marks) {
    writeMeter(row, meter)
    row.writeUint32(partition)
    row.writeInt64(through)
  }
  return {
    table: 'backfill_marks',
    columns: ['tenant', 'meter', 'version', 'partition', 'through'],
    rows: row.bytes(),
    token: undefined,
  }
}

/** The first plan of a meter's version stays: of blocks with the same token ClickHouse takes one. */
export function planBlock(meter: BackfilledMeter, ranges: readonly ChunkRange[]): RowBlock {
  const nothing: ChunkRange = { fromUs: 0, toUs: 0, bucket: 0, buckets: 1, events: 0 }
  // A backfill of nothing is one chunk that has landed.
  const planned = ranges.length === 0 ? [nothing] : ranges
  const chunks = planned.map((range, chunk) => ({
    ...range,
    chunk,
    chunks: planned.length,
    landed: ranges.length === 0,
  }))
  return chunksBlock(meter, chunks, `backfill-plan:${meterKey(meter)}`)
}

export function landedBlock(meter: BackfilledMeter, chunk: Chunk): RowBlock {
  return chunksBlock(meter, [{ ...chunk, landed: true }], undefined)
}

function chunksBlock(meter: BackfilledMeter, chunks: readonly Chunk[], token: string | undefined): RowBlock {
  const row = new RowBinary(1_024)
  for (const chunk of chunks) {
    writeMeter(row, meter)
    row.writeUint32(chunk.chunk)
    row.writeUint32(chunk.chunks)
    row.writeInt64(chunk.fromUs)
    row.writeInt64(chunk.toUs)
    row.writeUint32(chunk.bucket)
    row.writeUint32(chunk.buckets)
    row.writeInt64(chunk.events)
    row.writeUint8(chunk.landed ? 1 : 0)
  }
  return {
    table: 'backfill_chunks',
    columns: ['tenant', 'meter', 'version', ...chunkColumns],
    rows: row.bytes(),
    token,
    mayBeThere: true,
  }
}

function writeMeter(row: RowBinary, { tenant, name, version }: BackfilledMeter): void {
  row.writeString(tenant)
  row.writeString(name)
  row.writeInt64(version)
}
