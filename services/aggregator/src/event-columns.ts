import type { RowFacts } from './event-rows.ts'
import { type EventField, type EventView, eventField } from './event-view.ts'
import {
  columnBytes,
  createColumn,
  createStream,
  type FlatColumn,
  formatNativeBlock,
  type NativeColumn,
  releaseColumns,
} from './native-block.ts'
import type { RowBinary } from './row-binary.ts'
import type { Reading } from './take-readings.ts'

/** What `events` and `invalid_events` have in common. */
class SharedColumns {
  readonly #tenant = createColumn('tenant', 'String')
  readonly #source = createColumn('source', 'String')
  readonly #id = createColumn('id', 'String')
  readonly #type = createColumn('type', 'String')
  readonly #subject = createColumn('subject', 'String')
  readonly #occurredAt = createColumn('occurred_at', "DateTime64(6, 'UTC')")
  readonly #receivedAt = createColumn('received_at', "DateTime64(6, 'UTC')")
  readonly #storedAt = createColumn('stored_at', "DateTime64(6, 'UTC')")
  readonly #dataContentType = createColumn('data_content_type', 'String')
  readonly #dataSchema = createColumn('data_schema', 'String')
  readonly #data = createColumn('data', 'String')
  readonly #extensions = createColumn('extensions', 'String')
  readonly #application = createColumn('application', 'String')
  readonly #traceparent = createColumn('traceparent', 'String')
  readonly #schemaVersion = createColumn('schema_version', 'UInt64')
  readonly #partition = createColumn('kafka_partition', 'UInt32')
  readonly #offset = createColumn('kafka_offset', 'UInt64')
  readonly #index = createColumn('kafka_index', 'UInt32')
  readonly #replay = createColumn('replay', 'String')

  readonly all: readonly NativeColumn[] = [
    this.#tenant,
    this.#source,
    this.#id,
    this.#type,
    this.#subject,
    this.#occurredAt,
    this.#receivedAt,
    this.#storedAt,
    this.#dataContentType,
    this.#dataSchema,
    this.#data,
    this.#extensions,
    this.#application,
    this.#traceparent,
    this.#schemaVersion,
    this.#partition,
    this.#offset,
    this.#index,
    this.#replay,
  ]

  write(event: EventView, { position, storedAtUs, replay }: RowFacts, schemaVersion: number): void {
    writeField(this.#tenant.values, event, eventField.tenant)
    writeField(this.#source.values, event, eventField.source)
    writeField(this.#id.values, event, eventField.id)
    writeField(this.#type.values, event, eventField.type)
    writeField(this.#subject.values, event, eventField.subject)
    this.#occurredAt.values.writeInt64(event.occurredAtUs)
    this.#receivedAt.values.writeInt64(event.receivedAtUs)
    this.#storedAt.values.writeInt64(storedAtUs)
    writeField(this.#dataContentType.values, event, eventField.dataContentType)
    writeField(this.#dataSchema.values, event, eventField.dataSchema)
    writeField(this.#data.values, event, eventField.data)
    this.#extensions.values.writeString(event.hasExtensions ? formatExtensions(event) : '{}')
    writeField(this.#application.values, event, eventField.application)
    writeField(this.#traceparent.values, event, eventField.traceparent)
    this.#schemaVersion.values.writeInt64(schemaVersion)
    this.#partition.values.writeUint32(position.partition)
    this.#offset.values.writeInt64(position.offset)
    this.#index.values.writeUint32(position.index)
    this.#replay.values.writeString(replay)
  }
}

/** Readings of the rollups, as many as each event has. */
class ReadingsColumn implements NativeColumn {
  readonly name = 'readings'
  readonly type =
    'Array(Tuple(meter String, version UInt64, `group` Array(String), value Nullable(Decimal(38, 18))))'
  readonly #ends = createStream()
  readonly #meters = createStream()
  readonly #versions = createStream()
  readonly #groupEnds = createStream()
  readonly #groupParts = createStream()
  readonly #nulls = createStream()
  readonly #values = createStream()
  /** So many so far: an array is told by where it ends. */
  #readings = 0
  #parts = 0

  readonly streams: readonly RowBinary[] = [
    this.#ends,
    this.#meters,
    this.#versions,
    this.#groupEnds,
    this.#groupParts,
    this.#nulls,
    this.#values,
  ]

  write(readings: readonly Reading[]): void {
    for (const { meter, version, group, value } of readings) {
      this.#meters.writeString(meter)
      this.#versions.writeInt64(version)
      for (const part of group) this.#groupParts.writeString(part)
      this.#parts += group.length
      this.#groupEnds.writeInt64(this.#parts)
      this.#nulls.writeUint8(value === null ? 1 : 0)
      this.#values.writeInt128(value ?? 0n)
    }
    this.#readings += readings.length
    this.#ends.writeInt64(this.#readings)
  }
}

/** Rows of a table, column by column. */
abstract class TableColumns {
  readonly names: readonly string[]
  protected readonly shared: SharedColumns
  readonly #all: readonly NativeColumn[]
  #rows = 0

  protected constructor(shared: SharedColumns, own: readonly NativeColumn[]) {
    this.shared = shared
    this.#all = [...shared.all, ...own]
    this.names = this.#all.map(({ name }) => name)
  }

  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return columnBytes(this.#all)
  }

  pieces(): readonly Buffer[] {
    return formatNativeBlock(this.#all, this.#rows)
  }

  /** Only when nobody reads the pieces any more. */
  release(): void {
    releaseColumns(this.#all)
  }

  protected endRow(): void {
    this.#rows += 1
  }
}

/** Rows of `events`. */
export class EventColumns extends TableColumns {
  readonly #catalogPosition: FlatColumn
  readonly #readings: ReadingsColumn

  constructor() {
    const catalogPosition = createColumn('catalog_position', 'UInt64')
    const readings = new ReadingsColumn()
    super(new SharedColumns(), [catalogPosition, readings])
    this.#catalogPosition = catalogPosition
    this.#readings = readings
  }

  add(
    event: EventView,
    facts: RowFacts,
    { schemaVersion, readings }: { readonly schemaVersion: number; readonly readings: readonly Reading[] },
  ): void {
    this.shared.write(event, facts, schemaVersion)
    this.#catalogPosition.values.writeInt64(facts.catalogPosition)
    this.#readings.write(readings)
    this.endRow()
  }
}

/** Rows of `invalid_events`. */
export class InvalidEventColumns extends TableColumns {
  readonly #reason: FlatColumn
  readonly #pointer: FlatColumn

  constructor() {
    const reason = createColumn('reason', 'String')
    const pointer = createColumn('pointer', 'String')
    super(new SharedColumns(), [reason, pointer])
    this.#reason = reason
    this.#pointer = pointer
  }

  add(
    event: EventView,
    facts: RowFacts,
    fault: { readonly schemaVersion: number; readonly reason: string; readonly pointer: string },
  ): void {
    this.shared.write(event, facts, fault.schemaVersion)
    this.#reason.values.writeString(fault.reason)
    this.#pointer.values.writeString(fault.pointer)
    this.endRow()
  }
}

/** As it stands in the message, without becoming a string on the way. */
function writeField(row: RowBinary, event: EventView, field: EventField): void {
  row.writeSlice(event.bytes, event.start(field), event.end(field))
}

/** JSON text; the attributes keep their types. */
function formatExtensions({ extensions }: EventView): string {
  const entries = Object.entries(extensions).map(([name, value]) => [name, value.value?.value])
  return JSON.stringify(Object.fromEntries(entries))
}
