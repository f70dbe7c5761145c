import type { PlacedChange } from './event-change.ts'
import { EventColumns, InvalidEventColumns } from './event-columns.ts'
import { meterReadingColumns, type RowFacts, writeMeterReadingRow } from './event-rows.ts'
import type { EventView } from './event-view.ts'
import type { Judgement } from './judge-event.ts'
import { noteTraced, type TracedEvent } from './landing-spans.ts'
import type { LiveOverlay } from './live-view.ts'
import { deduplicationToken, type OffsetRange } from './pending-range.ts'
import { RowBinary } from './row-binary.ts'
import type { RowBlock } from './row-writer.ts'
import { createTouchedMinutes } from './touched-minutes.ts'
import type { TouchedRange } from './touches.ts'

type JudgedAt = RowFacts & {
  /** When the event came in: its receipt, or that of its replay. */
  readonly cameInAtUs: number
}

/** A contiguous range of one partition's offsets, turned into rows as it is read. */
export interface Batch {
  readonly from: number
  /** Last offset of the range; one less than `from` as long as it is empty. */
  readonly to: number
  /** Milliseconds since 1970. */
  readonly openedAt: number
  /** Next offset of millrace.catalog as all of its records are judged. */
  readonly catalog: number
  readonly rows: number
  readonly invalidRows: number
  /** Settlements and retractions; what they do is found out when the events have landed. */
  readonly changes: readonly PlacedChange[]
  readonly bytes: number
  /** Of the events; undefined without any. Microseconds since 1970. */
  readonly oldestReceivedAtUs: number | undefined
  readonly newestReceivedAtUs: number | undefined
  readonly overlay: LiveOverlay
  /** Events of sampled traces among its own. */
  readonly traced: readonly TracedEvent[]
  add(event: EventView, judgement: Judgement, judged: JudgedAt): void
  addChange(change: PlacedChange): void
  /** All records of a message were added. */
  endMessage(offset: number): void
  /** One block per table that gets rows; all of them under the range's token. */
  blocks(topic: string, partition: number): readonly RowBlock[]
  /** Its blocks have been inserted and nobody will read them again: others may write where they stand. */
  releaseRows(): void
  /** Minutes of meters that its events change. */
  touched(): readonly TouchedRange[]
}

/** About what a change takes in memory and in its row, corrections included. */
const changeBytes = 500

export function createBatch(from: number, openedAt: number, overlay: LiveOverlay, catalog = 0): Batch {
  const events = new EventColumns()
  const invalid = new InvalidEventColumns()
  const values = new RowBinary(1024)
  const changes: PlacedChange[] = []
  const touched = createTouchedMinutes()
  const traced: TracedEvent[] = []
  const state = {
    to: from - 1,
    changeBytes: 0,
    oldest: undefined as number | undefined,
    newest: undefined as number | undefined,
  }
  const noteReceipt = (atUs: number): void => {
    state.oldest = Math.min(state.oldest ?? atUs, atUs)
    state.newest = Math.max(state.newest ?? atUs, atUs)
  }
  return {
    from,
    openedAt,
    catalog,
    overlay,
    traced,
    changes,
    get to() {
      return state.to
    },
    get rows() {
      return events.rows
    },
    get invalidRows() {
      return invalid.rows
    },
    get bytes() {
      return events.bytes + invalid.bytes + values.length + state.changeBytes
    },
    get oldestReceivedAtUs() {
      return state.oldest
    },
    get newestReceivedAtUs() {
      return state.newest
    },
    add(event, judgement, judged) {
      if (judgement.status === 'valid') {
        events.add(event, judged, judgement)
        const { tenant, occurredAtUs, receivedAtUs } = event
        for (const reading of judgement.readings) {
          touched.add(tenant, reading.meter, reading.version, occurredAtUs)
          overlay.add(tenant, receivedAtUs, reading)
        }
        for (const reading of judgement.values) {
          touched.add(tenant, reading.meter, reading.version, occurredAtUs)
          writeMeterReadingRow(values, event, judged.position, reading)
          // The live view keeps sums only: it shows how many there were.
          overlay.add(tenant, receivedAtUs, { ...reading, value: null })
        }
      } else {
        invalid.add(event, judged, judgement)
      }
      noteTraced(traced, event)
      noteReceipt(judged.cameInAtUs)
    },
    addChange(placed) {
      changes.push(placed)
      state.changeBytes += changeBytes + placed.change.source.length + placed.change.id.length
      noteReceipt(placed.change.receivedAtUs)
    },
    endMessage(offset) {
      state.to = offset
    },
    touched: touched.ranges,
    blocks(topic, partition) {
      const range: OffsetRange = { from, to: state.to }
      const token = deduplicationToken(topic, partition, range)
      const format = 'Native'
      return [
        { table: 'events', columns: events.names, rows: events.pieces(), format, token } as const,
        { table: 'invalid_events', columns: invalid.names, rows: invalid.pieces(), format, token } as const,
        { table: 'meter_readings', columns: meterReadingColumns, rows: values.pieces(), token },
      ].filter(({ rows }) => rows.length > 0)
    },
    releaseRows() {
      for (const rows of [events, invalid, values]) rows.release()
    },
  }
}
