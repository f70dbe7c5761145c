import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import { fractionDigits } from '@millrace/service-kit/format-decimal'
import type { LiveCell } from './live-cells.ts'

/** Up to which offset a partition's events are wanted. */
export interface LandedPartition {
  readonly partition: number
  readonly through: number
}

export interface LandedCell {
  readonly tenant: string
  readonly meter: string
  readonly version: number
  readonly group: readonly string[]
  /** Of the receipt; seconds since 1970. */
  readonly second: number
  readonly cell: LiveCell
}

/** Sums of the landed readings by second, the latest first; at most so many. */
export type ReadLandedCells = (
  partitions: readonly LandedPartition[],
  fromSecond: number,
  limit: number,
  signal: AbortSignal,
) => AsyncIterable<readonly LandedCell[]>

type Row = [
  tenant: string,
  meter: string,
  version: string,
  second: number,
  group: string[],
  count: string,
  sum: string | null,
  min: string | null,
  max: string | null,
]

export function createLandedCellsReader(clickhouse: ClickHouseClient): ReadLandedCells {
  return async function* (partitions, fromSecond, limit, signal) {
    for (const select of [selectReadings, selectValues]) {
      const result = await clickhouse.query({
        query: select(partitions),
        query_params: { from: fromSecond, limit },
        format: 'JSONCompactEachRow',
        clickhouse_settings: settings,
        abort_signal: signal,
      })
      for await (const rows of result.stream<Row>()) {
        yield rows.map((row) => toCell(row.json<Row>()))
      }
    }
  }
}

const settings = {
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  // Landing goes first.
  max_threads: 1,
  max_memory_usage: String(1024 ** 3),
  max_query_size: String(1024 ** 2),
} as const

/** Each partition up to where it is taken over: what comes after it lands here, and is shown then. */
function landed(partitions: readonly LandedPartition[]): string {
  const each = partitions.map(
    ({ partition, through }) => `(kafka_partition = ${partition} AND kafka_offset <= ${through})`,
  )
  return `(${each.join(' OR ')})`
}

const recent = "received_at >= toDateTime({from: UInt32}, 'UTC')"

/** The events' readings, and what settlements and retractions have added and taken away, as they do it here. */
function selectReadings(partitions: readonly LandedPartition[]): string {
  const applied = `status = 'applied' AND event_received_at >= toDateTime({from: UInt32}, 'UTC')
      AND ${landed(partitions)}`
  return `SELECT tenant, meter, version, second, shown, sum(times), sum(part), min(least), max(most) FROM (
    SELECT tenant, reading.meter AS meter, reading.version AS version, toUnixTimestamp(received_at) AS second,
      reading.group AS shown, toInt64(1) AS times, toDecimal256(reading.value, 18) AS part,
      reading.value AS least, reading.value AS most
    FROM events ARRAY JOIN readings AS reading WHERE ${recent} AND ${landed(partitions)}
    UNION ALL
    SELECT tenant, reading.meter, reading.version, toUnixTimestamp(event_received_at),
      reading.group, reading.count, toDecimal256(reading.value, 18), NULL, NULL
    FROM event_changes ARRAY JOIN readings AS reading
    WHERE ${applied} AND (kafka_partition, event_offset, event_index) NOT IN (
      SELECT kafka_partition, event_offset, event_index FROM event_changes WHERE ${applied} AND erased)
  )
  GROUP BY tenant, meter, version, second, shown HAVING sum(times) > 0
  ORDER BY second DESC LIMIT {limit: UInt32}`
}

/** Of meters that keep each value the live view has only how many there were. */
function selectValues(partitions: readonly LandedPartition[]): string {
  const events = `SELECT kafka_partition, kafka_offset, kafka_index, received_at, occurred_at FROM events
    WHERE ${recent} AND ${landed(partitions)} AND (kafka_partition, kafka_offset, kafka_index) NOT IN (
      SELECT kafka_partition, event_offset, event_index FROM event_changes
      WHERE kind = 'retraction' AND status = 'applied' AND event_received_at >= toDateTime({from: UInt32}, 'UTC'))`
  return `SELECT tenant, meter, version, toUnixTimestamp(received_at) AS second, \`group\`, count(), NULL, NULL, NULL
  FROM meter_readings INNER JOIN (${events}) AS event USING (kafka_partition, kafka_offset, kafka_index)
  WHERE meter_readings.occurred_at >= (SELECT min(occurred_at) FROM (${events}))
  GROUP BY tenant, meter, version, second, \`group\` ORDER BY second DESC LIMIT {limit: UInt32}`
}

function toCell([tenant, meter, version, second, group, count, sum, min, max]: Row): LandedCell {
  const cell = { count: Number(count), sum: toExact(sum), min: toExact(min), max: toExact(max) }
  return { tenant, meter, version: Number(version), group, second, cell }
}

/** As ClickHouse writes it, without limits to its size. */
function toExact(text: string | null): bigint | null {
  if (text === null) return null
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(fractionDigits, '0'))
}
