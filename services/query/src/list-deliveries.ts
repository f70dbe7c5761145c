import { ServiceError } from '@millrace/service-kit/errors'
import type { Cell, ClickhouseReader, Row } from './clickhouse-reader.ts'
import type { Reader } from './constrain-events.ts'
import type { CursorCodec } from './cursor.ts'
import type { Statement } from './statement.ts'
import type { Microseconds } from './time.ts'

export const deliveryStatuses = ['pending', 'retrying', 'delivered', 'dead', 'held'] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

interface DeliveryFilter {
  readonly endpoint?: string | undefined
  readonly postback?: string | undefined
  readonly status?: DeliveryStatus | undefined
  /** Of the acceptance. */
  readonly fromUs?: Microseconds | undefined
  readonly toUs?: Microseconds | undefined
}

export interface StoredAttempt {
  readonly number: number
  /** delivered, retry, dead or held. */
  readonly outcome: string
  readonly method: string
  readonly url: string
  readonly startedAtUs: Microseconds
  readonly durationUs: number
  /** 0 when there was no response. */
  readonly responseCode: number
  /** Empty in lists. */
  readonly responseBody: Buffer
  readonly responseBodyTruncated: boolean
  readonly errorCode: string
  readonly errorDetail: string
  /** 0 when there is none. */
  readonly nextAttemptAtUs: Microseconds
  readonly traceparent: string
}

export interface StoredDelivery {
  readonly id: string
  readonly postbackId: string
  readonly endpoint: string
  readonly status: DeliveryStatus
  readonly acceptedAtUs: Microseconds
  /** In the order of their numbers. */
  readonly attempts: readonly StoredAttempt[]
}

export interface StoredPostback {
  readonly id: string
  readonly status: DeliveryStatus
  /** How many deliveries have which status. */
  readonly counts: Readonly<Record<DeliveryStatus, number>>
  /** The first ones; `GET /v1/deliveries?postback=` pages through all. */
  readonly deliveries: readonly StoredDelivery[]
}

/**
 * A key's constraints are on events. Postbacks are none: their deliveries are shown to each key with the scope. What
 * an endpoint gets is events, and their deliveries do not tell of which type: a constrained key does not see those.
 */
export interface DeliveryLister {
  /** The latest accepted first; response bodies are left out. */
  list(
    reader: Reader,
    filter: DeliveryFilter,
    limit: number,
    cursor: string | undefined,
  ): Promise<{ readonly deliveries: readonly StoredDelivery[]; readonly nextCursor: string | undefined }>
  /** @throws {ServiceError} `not-found` */
  find(reader: Reader, id: string): Promise<StoredDelivery>
  /** @throws {ServiceError} `not-found` */
  findPostback(reader: Reader, id: string): Promise<StoredPostback>
}

const maxPostbackDeliveries = 1_000

export function createDeliveryLister(deps: {
  clickhouse: ClickhouseReader
  cursors: CursorCodec
}): DeliveryLister {
  const readPage = async (
    reader: Reader,
    filter: DeliveryFilter,
    limit: number,
    after?: readonly string[],
  ) => {
    const heads = await deps.clickhouse.read(buildHeadsSql(reader, filter, limit, after), limit)
    return withAttempts(deps.clickhouse, reader.tenant, heads.map(toHead), false)
  }
  return {
    async list(reader, filter, limit, cursor) {
      const subject = JSON.stringify(['deliveries', reader.tenant, filter, reader.constraints])
      const after = cursor === undefined ? undefined : deps.cursors.decode(subject, cursor)
      const found = await readPage(reader, filter, limit + 1, after)
      const deliveries = found.slice(0, limit)
      const last = found.length > limit ? deliveries.at(-1) : undefined
      return {
        deliveries,
        nextCursor:
          last === undefined ? undefined : deps.cursors.encode(subject, [String(last.acceptedAtUs), last.id]),
      }
    },
    async find(reader, id) {
      const heads = await deps.clickhouse.read(buildHeadSql(reader, id), 1)
      const [delivery] = await withAttempts(deps.clickhouse, reader.tenant, heads.map(toHead), true)
      if (delivery === undefined) {
        throw new ServiceError('not-found', 'There is no delivery of this id, or it has not landed yet.')
      }
      return delivery
    },
    async findPostback(reader, id) {
      const [deliveries, counted] = await Promise.all([
        readPage(reader, { postback: id }, maxPostbackDeliveries),
        deps.clickhouse.read(buildCountsSql(reader.tenant, id), deliveryStatuses.length + 1),
      ])
      if (deliveries.length === 0) {
        throw new ServiceError('not-found', 'There is no postback of this id, or it has not landed yet.')
      }
      const counts = toCounts(counted)
      return { id, status: overallStatus(counts), counts, deliveries }
    },
  }
}

/** What is still under way decides first, then what needs somebody's attention. */
export function overallStatus(counts: Readonly<Record<DeliveryStatus, number>>): DeliveryStatus {
  const order: readonly DeliveryStatus[] = ['retrying', 'pending', 'dead', 'held']
  return order.find((status) => counts[status] > 0) ?? 'delivered'
}

function toCounts(rows: readonly Row[]): Record<DeliveryStatus, number> {
  const counts = { pending: 0, retrying: 0, delivered: 0, dead: 0, held: 0 }
  for (const [outcome, count] of rows) counts[toStatus(String(outcome))] += Number(count)
  return counts
}

function toStatus(outcome: string): DeliveryStatus {
  if (outcome === 'accepted') return 'pending'
  if (outcome === 'retry') return 'retrying'
  return deliveryStatuses.find((status) => status === outcome) ?? 'pending'
}

function toOutcome(status: DeliveryStatus): string {
  if (status === 'pending') return 'accepted'
  return status === 'retrying' ? 'retry' : status
}

type Head = Omit<StoredDelivery, 'attempts'>

const headColumns = `delivery_id, any(postback_id), any(endpoint), argMax(outcome, number) AS last,
  toUnixTimestamp64Micro(max(accepted_at)) AS accepted_us`

function toHead([id, postbackId, endpoint, outcome, acceptedAtUs]: Row): Head {
  return {
    id: String(id),
    postbackId: String(postbackId),
    endpoint: String(endpoint),
    status: toStatus(String(outcome)),
    acceptedAtUs: Number(acceptedAtUs),
  }
}

/** Deliveries without their attempts. A row says the same of its delivery as every other, but for the outcome. */
function buildHeadsSql(
  reader: Reader,
  filter: DeliveryFilter,
  limit: number,
  after: readonly string[] | undefined,
): Statement {
  const parameters: Record<string, string | number> = { tenant: reader.tenant, limit }
  const conditions = ['tenant = {tenant:String}', ...ownConditions(reader)]
  const add = (name: string, value: string | undefined, condition: string): void => {
    if (value === undefined) return
    parameters[name] = value
    conditions.push(condition)
  }
  add('endpoint', filter.endpoint, 'endpoint = {endpoint:String}')
  add('postback', filter.postback, 'postback_id = {postback:String}')
  add('from', filter.fromUs?.toString(), "accepted_at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')")
  add('to', filter.toUs?.toString(), "accepted_at < fromUnixTimestamp64Micro({to:Int64}, 'UTC')")
  const afterTime = "fromUnixTimestamp64Micro({afterAccepted:Int64}, 'UTC')"
  add('afterAccepted', after?.[0], `accepted_at <= ${afterTime}`)
  add('afterId', after?.[1], `(accepted_at, delivery_id) < (${afterTime}, {afterId:String})`)
  let having = ''
  if (filter.status !== undefined) {
    parameters.outcome = toOutcome(filter.status)
    having = '\nHAVING last = {outcome:String}'
  }
  const sql = `SELECT ${headColumns}
FROM deliveries WHERE ${conditions.join(' AND ')}
GROUP BY delivery_id${having}
ORDER BY accepted_us DESC, delivery_id DESC
LIMIT {limit:UInt32}`
  return { sql, parameters }
}

function ownConditions({ constraints }: Reader): string[] {
  return constraints === undefined ? [] : ["postback_id != ''"]
}

function buildHeadSql(reader: Reader, id: string): Statement {
  const conditions = ['tenant = {tenant:String}', 'delivery_id = {id:String}', ...ownConditions(reader)]
  return {
    sql: `SELECT ${headColumns} FROM deliveries
WHERE ${conditions.join(' AND ')} GROUP BY delivery_id`,
    parameters: { tenant: reader.tenant, id },
  }
}

function buildCountsSql(tenant: string, postback: string): Statement {
  return {
    sql: `SELECT last, count() FROM (
  SELECT argMax(outcome, number) AS last FROM deliveries
  WHERE tenant = {tenant:String} AND postback_id = {postback:String} GROUP BY delivery_id
) GROUP BY last`,
    parameters: { tenant, postback },
  }
}

/** Attempts of one page; a row that was landed twice stands once. */
async function withAttempts(
  clickhouse: ClickhouseReader,
  tenant: string,
  heads: readonly Head[],
  bodies: boolean,
): Promise<StoredDelivery[]> {
  if (heads.length === 0) return []
  const rows = await clickhouse.read(
    {
      sql: `SELECT delivery_id, number, outcome, method, url, toUnixTimestamp64Micro(started_at), duration_us, response_code,
  ${bodies ? 'base64Encode(response_body)' : "''"}, response_body_truncated, error_code, error_detail,
  toUnixTimestamp64Micro(next_attempt_at), traceparent
FROM deliveries
WHERE tenant = {tenant:String} AND delivery_id IN {ids:Array(String)} AND number > 0
ORDER BY delivery_id, number, stored_at DESC
LIMIT 1 BY delivery_id, number`,
      parameters: { tenant, ids: heads.map(({ id }) => id) },
    },
    heads.length * 1_000,
  )
  const attempts = Map.groupBy(rows, ([id]) => String(id))
  return heads.map((head) => ({ ...head, attempts: (attempts.get(head.id) ?? []).map(toAttempt) }))
}

function toAttempt(row: Row): StoredAttempt {
  const text = (index: number): string => String(row[index])
  const isTrue = (cell: Cell | undefined): boolean => cell === true || cell === 1
  return {
    number: Number(row[1]),
    outcome: text(2),
    method: text(3),
    url: text(4),
    startedAtUs: Number(row[5]),
    durationUs: Number(row[6]),
    responseCode: Number(row[7]),
    responseBody: Buffer.from(text(8), 'base64'),
    responseBodyTruncated: isTrue(row[9]),
    errorCode: text(10),
    errorDetail: text(11),
    nextAttemptAtUs: Number(row[12]),
    traceparent: text(13),
  }
}
