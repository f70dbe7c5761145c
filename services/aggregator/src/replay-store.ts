import { tooOldReason } from '@millrace/catalog/event-validity'
import type { KeyConstraints } from '@millrace/catalog/key-constraints'
import type { Replay } from '@millrace/catalog/replay-resource'
import type { CatalogEntry } from '@millrace/catalog/resources'
import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import { parseTimestamp } from '@millrace/service-kit/timestamp'
import { type StoredEvent, type StoredRow, storedColumns, toStoredEvent } from './backfill-events.ts'
import { chunkNames } from './chunk-names.ts'
import { RowBinary } from './row-binary.ts'
import type { RowBlock } from './row-writer.ts'

/** A replay of events out of the catalog. */
export type EventReplay = CatalogEntry<Replay & { readonly what: 'events' }>

/** How many of the selected events are left, and how many of the others are still invalid. */
export interface ReplayCounts {
  readonly left: number
  readonly stillInvalid: number
}

export interface ReplayStore {
  /** Keys of the replays that are done. */
  readDone(signal: AbortSignal): Promise<ReadonlySet<string>>
  /** Events that the replay had to do when it began; undefined before. */
  readSelected(replay: EventReplay, signal: AbortSignal): Promise<number | undefined>
  count(replay: EventReplay, signal: AbortSignal): Promise<ReplayCounts>
  /** The next events, by receipt. */
  select(replay: EventReplay, limit: number, signal: AbortSignal): Promise<readonly StoredEvent[]>
  /** Those of the events that were judged again since, or whose id is valid by now. */
  findJudged(
    replay: EventReplay,
    events: readonly StoredEvent[],
    signal: AbortSignal,
  ): Promise<readonly StoredEvent[]>
  /** Takes events out of `invalid_events`. */
  remove(replay: EventReplay, events: readonly StoredEvent[], signal: AbortSignal): Promise<void>
}

export function replayKey({ tenant, name }: Pick<EventReplay, 'tenant' | 'name'>): string {
  return `${tenant}/${name}`
}

const requestedAt = `fromUnixTimestamp64Micro({requestedAt: Int64}, 'UTC')`

type Parameters = Readonly<Record<string, unknown>>

export function createReplayStore(clickhouse: ClickHouseClient): ReplayStore {
  const query = async <Row>(sql: string, parameters: Parameters, signal: AbortSignal): Promise<Row[]> => {
    const result = await clickhouse.query({
      query: sql,
      query_params: parameters,
      format: 'JSONCompactEachRow',
      abort_signal: signal,
    })
    return await result.json<Row>()
  }
  return {
    async readDone(signal) {
      const sql = 'SELECT tenant, replay FROM replays FINAL WHERE done'
      const rows = await query<[string, string]>(sql, {}, signal)
      return new Set(rows.map(([tenant, name]) => replayKey({ tenant, name })))
    },
    async readSelected({ tenant, name }, signal) {
      const sql = `SELECT toString(selected) FROM replays FINAL
        WHERE tenant = {tenant: String} AND replay = {replay: String}`
      const [row] = await query<[string]>(sql, { tenant, replay: name }, signal)
      return row === undefined ? undefined : Number(row[0])
    },
    async count(replay, signal) {
      const { where, parameters } = selectInvalid(replay)
      const sql = `SELECT toString((SELECT count() FROM invalid_events WHERE ${where})), toString((
        SELECT uniqExact(source, id) FROM invalid_events WHERE tenant = {tenant: String} AND replay = {replay: String}))`
      const [row] = await query<[string, string]>(sql, parameters, signal)
      return { left: Number(row?.[0] ?? 0), stillInvalid: Number(row?.[1] ?? 0) }
    },
    async select(replay, limit, signal) {
      const { where, parameters } = selectInvalid(replay)
      const sql = `SELECT ${storedColumns.join(', ')}, base64Encode(data), traceparent, reason
        FROM invalid_events WHERE ${where}
        ORDER BY received_at, kafka_partition, kafka_offset, kafka_index LIMIT {limit: UInt32}`
      const rows = await query<[...StoredRow, traceparent: string, reason: string]>(
        sql,
        { ...parameters, limit },
        signal,
      )
      return rows.map((row) => toInvalidEvent(replay.tenant, row))
    },
    async findJudged({ tenant, name, body }, events, signal) {
      const ids = `tenant = {tenant: String} AND type IN {types: Array(String)} AND id IN {ids: Array(String)}`
      const sql = `SELECT DISTINCT source, id FROM events WHERE ${ids}
        UNION DISTINCT SELECT DISTINCT source, id FROM invalid_events WHERE ${ids}
          AND (replay = {replay: String} OR (replay != '' AND stored_at >= ${requestedAt}))`
      const requestedAtUs = String(parseTimestamp(body.requestedAt) ?? 0)
      const found = new Set<string>()
      for (const some of chunkNames(events, ({ event }) => [event.type, event.id])) {
        const types = [...new Set(some.map(({ event }) => event.type))]
        const ids = some.map(({ event }) => event.id)
        const parameters = { tenant, replay: name, requestedAt: requestedAtUs, types, ids }
        for (const [source, id] of await query<[string, string]>(sql, parameters, signal)) {
          found.add(`${source}\0${id}`)
        }
      }
      return events.filter(({ event }) => found.has(`${event.source}\0${event.id}`))
    },
    async remove({ tenant }, events, signal) {
      const times = events.map(({ event }) => event.receivedAtUs)
      await clickhouse.command({
        query: `DELETE FROM invalid_events WHERE tenant = {tenant: String}
          AND received_at BETWEEN fromUnixTimestamp64Micro({from: Int64}, 'UTC') AND fromUnixTimestamp64Micro({to: Int64}, 'UTC')
          AND (kafka_partition, kafka_offset, kafka_index) IN (SELECT arrayJoin(arrayZip(
            {partitions: Array(UInt32)}, {offsets: Array(UInt64)}, {indexes: Array(UInt32)})))`,
        query_params: {
          tenant,
          from: String(Math.min(...times)),
          to: String(Math.max(...times)),
          partitions: events.map(({ position }) => position.partition),
          offsets: events.map(({ position }) => position.offset),
          indexes: events.map(({ position }) => position.index),
        },
        // Of replicas the one that is asked: one that is down would fail the deletion, which it carries out once it is back.
        clickhouse_settings: { lightweight_deletes_sync: '1', allow_nondeterministic_mutations: 1 },
        abort_signal: signal,
      })
    },
  }
}

/** Invalid events from before the replay that it selects and that it has not judged yet. */
function selectInvalid({ tenant, name, body }: EventReplay): { where: string; parameters: Parameters } {
  const { filter, constraints } = body
  const conditions = [
    'tenant = {tenant: String}',
    `received_at < fromUnixTimestamp64Micro({to: Int64}, 'UTC')`,
    // What was withdrawn must not count, whatever becomes of its type.
    `(source, id) NOT IN (SELECT source, id FROM event_changes
      WHERE tenant = {tenant: String} AND kind = 'retraction' AND status = 'applied')`,
    // What a replay has judged, a later one may judge again.
    `(replay = '' OR (replay != {replay: String} AND stored_at < ${requestedAt}))`,
  ]
  const requestedAtUs = parseTimestamp(body.requestedAt) ?? 0
  const toUs = filter.to === undefined ? requestedAtUs : (parseTimestamp(filter.to) ?? 0)
  const parameters: Record<string, unknown> = {
    tenant,
    replay: name,
    requestedAt: String(requestedAtUs),
    to: String(Math.min(toUs, requestedAtUs)),
  }
  const add = (condition: string, parameter: string, value: unknown): void => {
    conditions.push(condition)
    parameters[parameter] = value
  }
  if (filter.eventType !== undefined) add('type = {type: String}', 'type', filter.eventType)
  if (filter.source !== undefined) add('source = {source: String}', 'source', filter.source)
  if (filter.ids !== undefined) add('id IN {ids: Array(String)}', 'ids', filter.ids)
  if (filter.from !== undefined) {
    const fromUs = parseTimestamp(filter.from) ?? 0
    add(`received_at >= fromUnixTimestamp64Micro({from: Int64}, 'UTC')`, 'from', String(fromUs))
  }
  for (const [column, patterns] of constrained(constraints)) {
    add(
      `arrayExists(it -> ${column} LIKE it, {${column}s: Array(String)})`,
      `${column}s`,
      patterns.map(toLike),
    )
  }
  return { where: conditions.join(' AND '), parameters }
}

function constrained(
  constraints: KeyConstraints | undefined,
): [column: string, patterns: readonly string[]][] {
  const { eventTypes, subjects } = constraints ?? {}
  return [
    ...(eventTypes === undefined ? [] : [['type', eventTypes] as [string, readonly string[]]]),
    ...(subjects === undefined ? [] : [['subject', subjects] as [string, readonly string[]]]),
  ]
}

/** A key's pattern, in which * stands for any run of characters, as SQL writes it. */
function toLike(pattern: string): string {
  return pattern.replace(/[\\%_]/g, (character) => `\\${character}`).replaceAll('*', '%')
}

function toInvalidEvent(
  tenant: string,
  row: [...StoredRow, traceparent: string, reason: string],
): StoredEvent {
  const [data, traceparent, reason] = row.slice(-3) as [string, string, string]
  const { event, position } = toStoredEvent(tenant, row.slice(0, -2) as StoredRow)
  // An event that was not too old when it came is not too old now.
  const backfill = reason !== tooOldReason
  return { event: { ...event, data: Buffer.from(data, 'base64'), traceparent, backfill }, position }
}

/** A later state of a replay replaces the earlier ones. */
export function replayBlock(
  { tenant, name }: EventReplay,
  selected: number,
  { left, stillInvalid }: ReplayCounts,
  done: boolean,
): RowBlock {
  const row = new RowBinary(256)
  row.writeString(tenant)
  row.writeString(name)
  row.writeInt64(selected)
  row.writeInt64(Math.max(0, selected - left - stillInvalid))
  row.writeInt64(stillInvalid)
  row.writeUint8(done ? 1 : 0)
  // What is left only becomes less, and being done comes last.
  row.writeInt64(Math.max(0, selected - left) + (done ? 1 : 0))
  return {
    table: 'replays',
    columns: ['tenant', 'replay', 'selected', 'processed', 'still_invalid', 'done', 'revision'],
    rows: row.bytes(),
    token: undefined,
  }
}
