import { ServiceError } from '@millrace/service-kit/errors'
import type { ClickhouseReader, Row } from './clickhouse-reader.ts'
import { constrainEvents, type Reader } from './constrain-events.ts'
import type { CursorCodec } from './cursor.ts'
import { addChanges, buildErasedSql, type EventChanges } from './read-event-changes.ts'
import type { Statement } from './statement.ts'
import type { Microseconds } from './time.ts'

/** What was accepted and has landed; `received` ones are not in ClickHouse yet, so no list can hold them. */
export type EventStatus = 'processed' | 'invalid'

interface EventFilter {
  readonly type?: string | undefined
  readonly subject?: string | undefined
  readonly source?: string | undefined
  readonly status?: EventStatus | 'received' | undefined
  /** Of `time`, the event's own. */
  readonly fromUs?: Microseconds | undefined
  readonly toUs?: Microseconds | undefined
}

export interface StoredEvent {
  readonly status: EventStatus
  readonly source: string
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly occurredAtUs: Microseconds
  readonly receivedAtUs: Microseconds
  readonly storedAtUs: Microseconds
  readonly dataContentType: string
  readonly dataSchema: string
  readonly data: Buffer
  /** By name; types as they were sent. */
  readonly extensions: Readonly<Record<string, string | number | boolean>>
  readonly application: string
  readonly schemaVersion: number
  readonly reason: string
  readonly pointer: string
  readonly changes: EventChanges
  /** Place in Kafka, which orders events that were received in the same microsecond. */
  readonly position: readonly [receivedAtUs: string, partition: string, offset: string, index: string]
}

interface EventPage {
  readonly events: readonly StoredEvent[]
  readonly nextCursor: string | undefined
}

export interface EventLister {
  /** The latest received first. */
  list(reader: Reader, filter: EventFilter, limit: number, cursor: string | undefined): Promise<EventPage>
  /**
   * @throws {ServiceError} `not-found`; `conflict` when several sources have the id and none was named
   */
  find(reader: Reader, id: string, source: string | undefined): Promise<StoredEvent>
}

export function createEventLister(deps: { clickhouse: ClickhouseReader; cursors: CursorCodec }): EventLister {
  return {
    async list(reader, filter, limit, cursor) {
      const subject = JSON.stringify(['events', reader.tenant, filter, reader.constraints])
      const after = cursor === undefined ? undefined : deps.cursors.decode(subject, cursor)
      if (filter.status === 'received') return { events: [], nextCursor: undefined }
      const rows = await deps.clickhouse.read(buildEventsSql(reader, filter, limit + 1, after), limit + 1)
      const events = rows.slice(0, limit).map(toStoredEvent)
      const last = rows.length > limit ? events.at(-1) : undefined
      return {
        events: await addChanges(deps.clickhouse, reader.tenant, events),
        nextCursor: last === undefined ? undefined : deps.cursors.encode(subject, last.position),
      }
    },
    async find(reader, id, source) {
      const landed = await deps.clickhouse.read(buildEventSql(reader, id, source), maxSources)
      const erased = landed.length === 0 ? buildErasedSql(reader, id, source) : undefined
      const rows = erased === undefined ? landed : await deps.clickhouse.read(erased, maxSources)
      const events = rows.map(toStoredEvent)
      const sources = [...new Set(events.map((event) => event.source))].sort()
      if (sources.length > 1) {
        const some = sources.slice(0, 5).join(', ')
        throw new ServiceError('conflict', `Several sources have an event of this id: ${some}. Add ?source=.`)
      }
      // Replayed after its schema was fixed, an event may stand in both tables: it is processed then.
      const event = events.find(({ status }) => status === 'processed') ?? events[0]
      if (event === undefined) {
        throw new ServiceError(
          'not-found',
          'No event of this id has landed. An accepted one may still be on its way.',
        )
      }
      const [found = event] = await addChanges(deps.clickhouse, reader.tenant, [event])
      return found
    },
  }
}

const maxSources = 100

/** 64-bit numbers arrive as text: they stay exact. */
const columns = `source, id, type, subject, toUnixTimestamp64Micro(occurred_at) AS occurred_us,
  toUnixTimestamp64Micro(received_at) AS received_us, toUnixTimestamp64Micro(stored_at) AS stored_us, data_content_type,
  data_schema, base64Encode(data) AS data_base64, extensions, application, schema_version, kafka_partition, kafka_offset,
  kafka_index`

const newestFirst = 'ORDER BY received_at DESC, kafka_partition DESC, kafka_offset DESC, kafka_index DESC'
const newestOfAll = 'ORDER BY received_us DESC, kafka_partition DESC, kafka_offset DESC, kafka_index DESC'

const tables: readonly { readonly status: EventStatus; readonly select: string }[] = [
  {
    status: 'processed',
    select: `SELECT 'processed' AS status, ${columns}, '' AS reason, '' AS pointer FROM events`,
  },
  {
    status: 'invalid',
    select: `SELECT 'invalid' AS status, ${columns}, reason, pointer FROM invalid_events`,
  },
]

function buildEventsSql(
  reader: Reader,
  filter: EventFilter,
  limit: number,
  after: readonly string[] | undefined,
): Statement {
  const parameters: Record<string, string | number> = { tenant: reader.tenant, limit }
  const conditions = ['tenant = {tenant:String}', ...constrainEvents(reader, parameters)]
  for (const name of ['type', 'subject', 'source'] as const) {
    const value = filter[name]
    if (value === undefined) continue
    parameters[name] = value
    conditions.push(`${name} = {${name}:String}`)
  }
  if (filter.fromUs !== undefined) {
    parameters.from = String(filter.fromUs)
    conditions.push("occurred_at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')")
  }
  if (filter.toUs !== undefined) {
    parameters.to = String(filter.toUs)
    conditions.push("occurred_at < fromUnixTimestamp64Micro({to:Int64}, 'UTC')")
  }
  if (after !== undefined) {
    const [receivedAt = '', partition = '', offset = '', index = ''] = after
    Object.assign(parameters, {
      afterReceivedAt: receivedAt,
      afterPartition: partition,
      afterOffset: offset,
      afterIndex: index,
    })
    const receivedAtValue = "fromUnixTimestamp64Micro({afterReceivedAt:Int64}, 'UTC')"
    // The first condition alone is what the index on received_at can use.
    conditions.push(`received_at <= ${receivedAtValue}`)
    conditions.push(
      `(received_at, kafka_partition, kafka_offset, kafka_index) < (${receivedAtValue}, {afterPartition:UInt32}, {afterOffset:UInt64}, {afterIndex:UInt32})`,
    )
  }
  const selects = tables
    .filter(({ status }) => filter.status === undefined || filter.status === status)
    .map(({ select }) => `(${select} WHERE ${conditions.join(' AND ')} ${newestFirst} LIMIT {limit:UInt32})`)
  const sql = `SELECT * FROM (\n${selects.join('\nUNION ALL\n')}\n) ${newestOfAll} LIMIT {limit:UInt32}`
  return { sql, parameters }
}

function buildEventSql(reader: Reader, id: string, source: string | undefined): Statement {
  const parameters: Record<string, string | number> = { tenant: reader.tenant, id }
  const conditions = ['tenant = {tenant:String}', 'id = {id:String}', ...constrainEvents(reader, parameters)]
  if (source !== undefined) {
    parameters.source = source
    conditions.push('source = {source:String}')
  }
  return {
    sql: tables
      .map(
        ({ select }) =>
          `(${select} WHERE ${conditions.join(' AND ')} ${newestFirst} LIMIT ${maxSources / 2})`,
      )
      .join('\nUNION ALL\n'),
    parameters,
  }
}

function toStoredEvent(row: Row): StoredEvent {
  const text = (index: number): string => String(row[index])
  return {
    status: text(0) as EventStatus,
    source: text(1),
    id: text(2),
    type: text(3),
    subject: text(4),
    occurredAtUs: Number(text(5)),
    receivedAtUs: Number(text(6)),
    storedAtUs: Number(text(7)),
    dataContentType: text(8),
    dataSchema: text(9),
    data: Buffer.from(text(10), 'base64'),
    extensions: readExtensions(text(11)),
    application: text(12),
    schemaVersion: Number(text(13)),
    position: [text(6), text(14), text(15), text(16)],
    reason: text(17),
    pointer: text(18),
    changes: {},
  }
}

function readExtensions(json: string): StoredEvent['extensions'] {
  return json === '' ? {} : (JSON.parse(json) as StoredEvent['extensions'])
}
