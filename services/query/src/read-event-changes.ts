import type { ClickhouseReader, Row } from './clickhouse-reader.ts'
import { constrainEvents, type Reader } from './constrain-events.ts'
import type { StoredEvent } from './list-events.ts'
import type { Statement } from './statement.ts'
import type { Microseconds } from './time.ts'

/** What has become of an event since it was processed. */
export interface EventChanges {
  readonly settlement?: {
    readonly reference: string
    readonly settledAtUs: Microseconds
    /** Application of the key that told. */
    readonly by: string
  }
  readonly retraction?: {
    readonly retractedAtUs: Microseconds
    readonly by: string
    /** The event's data is gone. */
    readonly erased: boolean
  }
}

const columns = `kind, reference, toUnixTimestamp64Micro(settled_at), toUnixTimestamp64Micro(received_at), application,
  erased, kafka_partition, event_offset, event_index`
const perEvent = 10

/** The events with what has become of them. */
export async function addChanges(
  clickhouse: ClickhouseReader,
  tenant: string,
  events: readonly StoredEvent[],
): Promise<readonly StoredEvent[]> {
  if (events.length === 0) return []
  const ids = [...new Set(events.map(({ id }) => id))]
  // By place as well: what other events of the same id went through must not fill the limit.
  const places = events.map(placeOf)
  const limit = events.length * perEvent
  const sql = `SELECT ${columns} FROM event_changes
WHERE tenant = {tenant:String} AND status = 'applied' AND id IN {ids:Array(String)}
  AND concat(toString(kafka_partition), ',', toString(event_offset), ',', toString(event_index)) IN {places:Array(String)}
ORDER BY kafka_partition, kafka_offset, kafka_index LIMIT ${limit}`
  const rows = await clickhouse.read({ sql, parameters: { tenant, ids, places } }, limit)
  const byPlace = Map.groupBy(rows, (row) => row.slice(6, 9).join())
  return events.map((event) => ({
    ...event,
    changes: toChanges(byPlace.get(placeOf(event)) ?? []),
  }))
}

function placeOf({ position }: StoredEvent): string {
  return position.slice(1).join()
}

/** In their order: the first of a kind has the say, and whatever erased it is told. */
function toChanges(rows: readonly Row[]): EventChanges {
  const settlement = rows.find(([kind]) => kind === 'settlement')
  const retractions = rows.filter(([kind]) => kind === 'retraction')
  const [retraction] = retractions
  return {
    ...(settlement !== undefined && {
      settlement: {
        reference: String(settlement[1]),
        settledAtUs: Number(settlement[2]),
        by: String(settlement[4]),
      },
    }),
    ...(retraction !== undefined && {
      retraction: {
        retractedAtUs: Number(retraction[3]),
        by: String(retraction[4]),
        erased: retractions.some((row) => row[5] === true || row[5] === 1),
      },
    }),
  }
}

/**
 * What is still known of an erased event: its name, type and times. A key that is constrained to subjects learns
 * nothing, since nobody knows the subject any more.
 */
export function buildErasedSql(
  reader: Reader,
  id: string,
  source: string | undefined,
): Statement | undefined {
  if (reader.constraints?.subjects !== undefined) return undefined
  const parameters: Record<string, string | number> = { tenant: reader.tenant, id }
  const conditions = [
    'tenant = {tenant:String}',
    'id = {id:String}',
    "erased AND status = 'applied'",
    ...constrainEvents(reader, parameters),
  ]
  if (source !== undefined) {
    parameters.source = source
    conditions.push('source = {source:String}')
  }
  // The columns of an event, in its order.
  const sql = `SELECT event_status, source, id, type, '', toUnixTimestamp64Micro(occurred_at),
  toUnixTimestamp64Micro(event_received_at), toUnixTimestamp64Micro(event_received_at), '', '', '', '{}', '', 0,
  kafka_partition, event_offset, event_index, '', ''
FROM event_changes WHERE ${conditions.join(' AND ')} LIMIT 100`
  return { sql, parameters }
}
