import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import type { EventChange } from './event-change.ts'
import type { FormerChange, LandedEvent, LandedReading } from './judge-changes.ts'
import { parseDecimal } from './parse-decimal.ts'
import type { OffsetRange } from './pending-range.ts'
import { queryRows } from './query-rows.ts'

type Name = Pick<EventChange, 'tenant' | 'source' | 'id'>

export interface ChangedEventsReader {
  /** What landed under these names up to the end of the range, and what changed it before the range. */
  read(
    partition: number,
    range: OffsetRange,
    names: readonly Name[],
    signal: AbortSignal,
  ): Promise<{ readonly events: readonly LandedEvent[]; readonly former: readonly FormerChange[] }>
}

/**
 * Bytes of names in one question. An index finds the rows by their ids, but so many ids are everywhere: each question
 * reads the ids of the whole partition, so there are few questions.
 */
const namesBytes = 4 * 1024 * 1024
const settings = {
  // Names stand in the text, and a single one may be large.
  max_query_size: String(2 * namesBytes),
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
} as const

interface EventRow {
  readonly status: LandedEvent['status']
  readonly tenant: string
  readonly source: string
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly occurred_us: string
  readonly received_us: string
  readonly kafka_offset: string
  readonly kafka_index: number
  readonly readings: readonly {
    readonly meter: string
    readonly version: string
    readonly group: readonly string[]
    readonly value: string | null
  }[]
}

interface ChangeRow {
  readonly kind: FormerChange['kind']
  readonly erased: boolean
  readonly event_offset: string
  readonly event_index: number
}

export function createChangedEventsReader(clickhouse: ClickHouseClient): ChangedEventsReader {
  const query = async <Row>(sql: string, parameters: object, signal: AbortSignal): Promise<Row[]> => {
    const question = { query: sql, query_params: { ...parameters }, clickhouse_settings: settings }
    return await queryRows<Row>(clickhouse, { ...question, format: 'JSONEachRow' }, signal)
  }
  return {
    async read(partition, { from, to }, names, signal) {
      const events: LandedEvent[] = []
      const former: FormerChange[] = []
      for (const named of nameConditions(names)) {
        const parameters = { partition, from, to }
        events.push(...(await query<EventRow>(eventsSql(named), parameters, signal)).map(toLandedEvent))
        former.push(...(await query<ChangeRow>(changesSql(named), parameters, signal)).map(toFormerChange))
      }
      return { events, former }
    },
  }
}

function eventsSql(named: string): string {
  const select = (table: string, status: string, readings: string): string => `
    SELECT '${status}' AS status, tenant, source, id, type, subject,
      toUnixTimestamp64Micro(occurred_at) AS occurred_us, toUnixTimestamp64Micro(received_at) AS received_us,
      kafka_offset, kafka_index, ${readings} AS readings
    FROM ${table} WHERE kafka_partition = {partition: UInt32} AND kafka_offset <= {to: UInt64} AND ${named}`
  const none = `CAST([], 'Array(Tuple(meter String, version UInt64, \`group\` Array(String), value Nullable(Decimal(38, 18))))')`
  return `${select('events', 'processed', 'readings')}
    UNION ALL ${select('invalid_events', 'invalid', none)}`
}

function changesSql(named: string): string {
  return `SELECT kind, erased, event_offset, event_index FROM event_changes
    WHERE kafka_partition = {partition: UInt32} AND kafka_offset < {from: UInt64} AND status = 'applied' AND ${named}`
}

/** The id alone is what the index knows. */
function* nameConditions(names: readonly Name[]): Generator<string> {
  let ids = new Set<string>()
  let whole: string[] = []
  let bytes = 0
  const condition = (): string =>
    `id IN (${[...ids].join(',')}) AND (tenant, source, id) IN (${whole.join(',')})`
  for (const { tenant, source, id } of names) {
    const quoted = quote(id)
    const name = `(${quote(tenant)},${quote(source)},${quoted})`
    const length = Buffer.byteLength(quoted) + Buffer.byteLength(name) + 2
    if (whole.length > 0 && bytes + length > namesBytes) {
      yield condition()
      ids = new Set()
      whole = []
      bytes = 0
    }
    ids.add(quoted)
    whole.push(name)
    bytes += length
  }
  if (whole.length > 0) yield condition()
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function toLandedEvent(row: EventRow): LandedEvent {
  const { status, tenant, source, id, type, subject } = row
  return {
    status,
    tenant,
    source,
    id,
    type,
    subject,
    occurredAtUs: Number(row.occurred_us),
    receivedAtUs: Number(row.received_us),
    offset: Number(row.kafka_offset),
    index: Number(row.kafka_index),
    readings: row.readings.map(toLandedReading),
  }
}

function toLandedReading({ meter, version, group, value }: EventRow['readings'][number]): LandedReading {
  const exact = value === null ? null : parseDecimal(value)
  if (typeof exact !== 'bigint' && exact !== null) throw new Error('a landed reading is no decimal')
  return { meter, version: Number(version), group, value: exact }
}

function toFormerChange({ kind, erased, event_offset, event_index }: ChangeRow): FormerChange {
  return { kind, erased, offset: Number(event_offset), index: Number(event_index) }
}
