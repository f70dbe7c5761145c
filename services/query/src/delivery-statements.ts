import type { Reader } from './constrain-events.ts'
import type { DeliveryFilter, DeliveryStatus } from './delivery.ts'
import type { Parameters, Statement } from './statement.ts'

/** Where a delivery stands among all: its acceptance in microseconds, and its id. */
export type DeliveryPlace = readonly [acceptedUs: string, id: string]

interface Conditions {
  readonly sql: string
  readonly parameters: Parameters
}

const order = 'accepted_at DESC, delivery_id DESC'

/**
 * Rows `[id, acceptedUs]` of the next deliveries, the latest first: those that match, and that have had the asked status
 * at some time. A delivery has a row for each of its states that is not merged yet. Nothing stands between the order and
 * the limit, not even LIMIT BY: so the table is read backwards from where the page begins, and no further than it goes.
 */
export function buildPlacesSql(
  reader: Reader,
  filter: DeliveryFilter,
  limit: number,
  after: readonly string[] | undefined,
): Statement {
  const { sql: conditions, parameters } = toConditions(reader, filter, after)
  return {
    sql: `SELECT delivery_id, toUnixTimestamp64Micro(accepted_at) FROM delivery_states
WHERE ${conditions}
ORDER BY ${order} LIMIT {limit:UInt32}`,
    parameters: { ...parameters, limit },
  }
}

/** Those of some deliveries that have the status now, as `buildPlacesSql` gives them, each once. */
export function buildHavingStatusSql(
  tenant: string,
  places: readonly DeliveryPlace[],
  status: DeliveryStatus,
): Statement {
  return {
    sql: `SELECT delivery_id, toUnixTimestamp64Micro(accepted_at) FROM delivery_states
WHERE tenant = {tenant:String} AND (accepted_at, delivery_id) IN (
  SELECT fromUnixTimestamp64Micro(toInt64(place.1), 'UTC'), place.2
  FROM (SELECT arrayJoin(arrayZip({times:Array(String)}, {ids:Array(String)})) AS place))
GROUP BY accepted_at, delivery_id HAVING argMax(status, version) = {status:String}
ORDER BY ${order}`,
    parameters: {
      tenant,
      status,
      times: places.map(([acceptedUs]) => acceptedUs),
      ids: places.map(([, id]) => id),
    },
  }
}

/** How many deliveries of a postback have which status: rows `[status, count]`. */
export function buildCountsSql(tenant: string, postback: string): Statement {
  return {
    sql: `SELECT last, count() FROM (
  SELECT argMax(status, version) AS last FROM delivery_states
  WHERE tenant = {tenant:String} AND postback_id = {postback:String} GROUP BY accepted_at, delivery_id
) GROUP BY last`,
    parameters: { tenant, postback },
  }
}

/** When a delivery was accepted, as one row `[id, acceptedUs]`; none when the reader may not see it. */
export function buildPlaceSql(reader: Reader, id: string): Statement {
  const conditions = ['tenant = {tenant:String}', 'delivery_id = {id:String}', ...ownConditions(reader)]
  return {
    sql: `SELECT delivery_id, toUnixTimestamp64Micro(max(accepted_at)) FROM deliveries
WHERE ${conditions.join(' AND ')} GROUP BY delivery_id`,
    parameters: { tenant: reader.tenant, id },
  }
}

/** Every record of some deliveries, in their order; one that was landed twice stands once. See `toRecord`. */
export function buildRecordsSql(
  tenant: string,
  places: readonly DeliveryPlace[],
  bodies: boolean,
): Statement {
  const times = places.map(([acceptedUs]) => BigInt(acceptedUs)).sort((a, b) => (a < b ? -1 : 1))
  return {
    sql: `SELECT delivery_id, number, outcome, method, url, toUnixTimestamp64Micro(started_at), duration_us, response_code,
  ${bodies ? 'base64Encode(response_body)' : "''"}, response_body_truncated, error_code, error_detail,
  toUnixTimestamp64Micro(next_attempt_at), traceparent, without_request, replay, postback_id, endpoint,
  event_source, event_id, event_type, toUnixTimestamp64Micro(accepted_at)
FROM deliveries
WHERE tenant = {tenant:String} AND delivery_id IN {ids:Array(String)}
  AND accepted_at BETWEEN fromUnixTimestamp64Micro({first:Int64}, 'UTC') AND fromUnixTimestamp64Micro({last:Int64}, 'UTC')
ORDER BY delivery_id, number, step, stored_at DESC
LIMIT 1 BY delivery_id, accepted_at, number, step`,
    parameters: {
      tenant,
      ids: [...new Set(places.map(([, id]) => id))],
      first: String(times[0] ?? 0n),
      last: String(times.at(-1) ?? 0n),
    },
  }
}

function toConditions(
  reader: Reader,
  filter: DeliveryFilter,
  after: readonly string[] | undefined,
): Conditions {
  const parameters: Parameters = { tenant: reader.tenant }
  const conditions = ['tenant = {tenant:String}', ...ownConditions(reader)]
  const add = (name: string, value: string | undefined, condition: string): void => {
    if (value === undefined) return
    parameters[name] = value
    conditions.push(condition)
  }
  add('endpoint', filter.endpoint, 'endpoint = {endpoint:String}')
  add('postback', filter.postback, 'postback_id = {postback:String}')
  add('event', filter.event, 'event_id = {event:String}')
  add('eventType', filter.eventType, 'event_type = {eventType:String}')
  add('status', filter.status, 'status = {status:String}')
  add('from', filter.fromUs?.toString(), "accepted_at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')")
  add('to', filter.toUs?.toString(), "accepted_at < fromUnixTimestamp64Micro({to:Int64}, 'UTC')")
  const afterTime = "fromUnixTimestamp64Micro({afterAccepted:Int64}, 'UTC')"
  add('afterAccepted', after?.[0], `accepted_at <= ${afterTime}`)
  add('afterId', after?.[1], `(accepted_at, delivery_id) < (${afterTime}, {afterId:String})`)
  return { sql: conditions.join(' AND '), parameters }
}

/** A constrained key does not see what endpoints get: see DeliveryLister. */
function ownConditions({ constraints }: Reader): string[] {
  return constraints === undefined ? [] : ["postback_id != ''"]
}
