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
const namesBytes = 2 * 1024 * 1024
const settings = {
  // Names stand in the text, where quoting may double them.
  max_query_size: String(3 * namesBytes),
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
      for (const lines of nameLines(names)) {
        const named = withNames(lines)
        const parameters = { partition, from, to }
        for (const row of await query<EventRow>(eventsSql(named), parameters, signal))
          events.push(toLandedEvent(row))
        for (const row of await query<ChangeRow>(changesSql(named), parameters, signal))
          former.push(toFormerChange(row))
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
    FROM ${table} WHERE kafka_partition = {partition: UInt32} AND kafka_offset <= {to: UInt64} AND ${isNamed}`
  const none = `CAST([], 'Array(Tuple(meter String, version UInt64, \`group\` Array(String), value Nullable(Decimal(38, 18))))')`
  return `${named} ${select('events', 'processed', 'readings')}
    UNION ALL ${select('invalid_events', 'invalid', none)}`
}

function changesSql(named: string): string {
  return `${named} SELECT kind, erased, event_offset, event_index FROM event_changes
    WHERE kafka_partition = {partition: UInt32} AND kafka_offset < {from: UInt64} AND status = 'applied' AND ${isNamed}`
}

/**
 * Names as one literal of JSON lines: so many tuples would take ten times as long to be parsed.
 * @param lines as `nameLines` gives them
 */
function withNames(lines: readonly string[]): string {
  const literal = quote(lines.join('\n'))
  return `WITH names AS (SELECT * FROM format(JSONCompactEachRow, 'tenant String, source String, id String', ${literal}))`
}

/** The id alone is what the index knows. */
const isNamed =
  'id IN (SELECT id FROM names) AND (tenant, source, id) IN (SELECT tenant, source, id FROM names)'

function* nameLines(names: readonly Name[]): Generator<readonly string[]> {
  let lines: string[] = []
  let bytes = 0
  for (const { tenant, source, id } of names) {
    const line = JSON.stringify([tenant, source, id])
    const length = Buffer.byteLength(line)
    if (lines.length > 0 && bytes + length > namesBytes) {
      yield lines
      lines = []
      bytes = 0
    }
    lines.push(line)
    bytes += length
  }
  if (lines.length > 0) yield lines
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
