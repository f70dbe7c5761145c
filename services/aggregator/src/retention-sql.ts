/** Events of one type that were received before a time. */
export interface Expired {
  readonly tenant: string
  readonly type: string
  /** Microseconds since 1970. */
  readonly beforeUs: number
}

export interface RetentionStatement {
  readonly table: 'events' | 'invalid_events'
  readonly sql: string
}

/** Parameters of all statements here. */
export function expiredParameters({ tenant, type, beforeUs }: Expired): Readonly<Record<string, string>> {
  return { tenant, type, before: String(beforeUs) }
}

const expired = `tenant = {tenant: String} AND type = {type: String}
  AND received_at < fromUnixTimestamp64Micro({before: Int64}, 'UTC')`

/**
 * Minutes that reports read event by event: a retraction or a settlement in them is not in every rollup. Events of any
 * type count, since a meter may read several.
 */
const stillRead = `toStartOfMinute(toDateTime(occurred_at, 'UTC')) IN (
    SELECT toStartOfMinute(toDateTime(occurred_at, 'UTC')) FROM event_changes
    WHERE tenant = {tenant: String} AND status = 'applied')`

/** What is in each of them but not yet gone. */
export const countExpired: Readonly<Record<RetentionStatement['table'], string>> = {
  events: `SELECT toString(count()) FROM events WHERE ${expired} AND (data != '' OR NOT (${stillRead}))`,
  invalid_events: `SELECT toString(count()) FROM invalid_events WHERE ${expired}`,
}

/**
 * Removes expired events; of those in minutes that are still read event by event, only what they say: their names,
 * times and readings stay.
 */
export const removeExpired: readonly RetentionStatement[] = [
  {
    table: 'events',
    sql: `ALTER TABLE events UPDATE data = '', extensions = '{}', traceparent = '', data_schema = ''
WHERE ${expired} AND data != '' AND ${stillRead}`,
  },
  { table: 'events', sql: `ALTER TABLE events DELETE WHERE ${expired} AND NOT (${stillRead})` },
  { table: 'invalid_events', sql: `ALTER TABLE invalid_events DELETE WHERE ${expired}` },
]

/** Several of them at the same time would only rewrite the same parts again. */
export const countUnfinished = `SELECT toString(count()) FROM system.mutations
  WHERE database = currentDatabase() AND table IN ('events', 'invalid_events') AND NOT is_done`
