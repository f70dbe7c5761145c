import { type ReadStoredEvents, readStoredEvent, type StoredEvent } from './backfill-events.ts'
import { type BackfilledMeter, meterKey } from './backfill-meter.ts'
import type { Chunk } from './backfill-store.ts'
import type { Rate } from './choose-rate.ts'
import { meterReadingColumns, writeMeterReadingRow } from './event-rows.ts'
import { RowBinary } from './row-binary.ts'
import type { RowBlock } from './row-writer.ts'
import { type Reading, takeReadings } from './take-readings.ts'

/** Of meters that are rolled up; `writeRolledUpReading` follows their order. */
const rolledUpColumns = [...meterReadingColumns, 'type', 'subject', 'source', 'id']

export interface ChunkBlock {
  readonly block: RowBlock
  readonly readings: number
  /** Events without a number where the meter reads one, or with one that is too large. */
  readonly valuesMissing: number
}

export interface ChunkDeps {
  readonly readStoredEvents: ReadStoredEvents
  readonly ratesOf: (tenant: string, type: string) => readonly Rate[]
  /** Resolves when the next piece of work may hold the event loop. */
  readonly nextTurn: () => Promise<void>
}

/** Milliseconds of work in one go, as lanes do it. */
const turnMs = 15

/**
 * Takes a meter's readings off a chunk's events, with the same code as off live ones: of meters that are rolled up
 * into `backfilled_readings`, which feeds the rollups, of others to where live ones are too.
 */
export async function readChunk(
  deps: ChunkDeps,
  meter: BackfilledMeter,
  chunk: Chunk,
  signal: AbortSignal,
): Promise<ChunkBlock> {
  const { prepared } = meter
  const row = new RowBinary()
  let readings = 0
  let valuesMissing = 0
  let turnEnd = 0
  for await (const events of deps.readStoredEvents(meter, chunk, signal)) {
    for (const stored of events) {
      if (performance.now() >= turnEnd) {
        await deps.nextTurn()
        turnEnd = performance.now() + turnMs
      }
      const { event } = stored
      const taken = takeReadings(readStoredEvent(stored), [prepared], deps.ratesOf(event.tenant, event.type))
      // What would have made a live event invalid only costs the reading: the event was valid before the meter.
      valuesMissing += taken.outOfRange === undefined ? taken.valuesMissing : 1
      const [reading] = prepared.rolledUp ? taken.readings : taken.values
      if (reading === undefined) continue
      readings += 1
      if (prepared.rolledUp) writeRolledUpReading(row, stored, reading)
      else writeMeterReadingRow(row, event, stored.position, reading)
    }
  }
  const block = {
    table: prepared.rolledUp ? 'backfilled_readings' : 'meter_readings',
    columns: prepared.rolledUp ? rolledUpColumns : meterReadingColumns,
    rows: row.bytes(),
    token: `backfill:${meterKey(meter)}:${chunk.chunk}`,
    mayBeThere: true,
  }
  return { block, readings, valuesMissing }
}

/** A rolled up reading may lack its number: sums take such ones too. */
function writeRolledUpReading(
  row: RowBinary,
  { event, position }: StoredEvent,
  { meter, version, group, value }: Reading,
): void {
  row.writeString(event.tenant)
  row.writeString(meter)
  row.writeInt64(version)
  row.writeInt64(event.occurredAtUs)
  row.writeLength(group.length)
  for (const part of group) row.writeString(part)
  row.writeUint8(value === null ? 1 : 0)
  if (value !== null) row.writeInt128(value)
  row.writeUint32(position.partition)
  row.writeInt64(position.offset)
  row.writeUint32(position.index)
  row.writeString(event.type)
  row.writeString(event.subject)
  row.writeString(event.source)
  row.writeString(event.id)
}
