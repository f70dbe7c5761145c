import type { ClickhouseReader, Row } from './clickhouse-reader.ts'
import type { Reader } from './constrain-events.ts'
import type { Statement } from './statement.ts'
import type { Microseconds } from './time.ts'

/** How deliveries to one receiver went. */
export interface EndpointSummary {
  /** Empty for all postbacks together. */
  readonly endpoint: string
  readonly accepted: number
  readonly requests: number
  readonly delivered: number
  /** Requests that did not deliver. */
  readonly failed: number
  /** Those of them that got no response. */
  readonly unanswered: number
  readonly dead: number
  readonly held: number
  readonly redriven: number
  /** Of requests, in milliseconds, to one percent; undefined without any. */
  readonly durationMs:
    | { readonly p50: number; readonly p90: number; readonly p95: number; readonly p99: number }
    | undefined
}

export interface DeliverySummary {
  /** What is covered: whole minutes, or whole hours when it is long. */
  readonly fromUs: Microseconds
  readonly toUs: Microseconds
  /** Those with the most requests first. */
  readonly endpoints: readonly EndpointSummary[]
}

export interface DeliverySummarizer {
  /** Without a range: the last hour. */
  summarize(
    reader: Reader,
    filter: {
      readonly endpoint?: string | undefined
      readonly fromUs?: Microseconds | undefined
      readonly toUs?: Microseconds | undefined
    },
  ): Promise<DeliverySummary>
}

const secondUs = 1_000_000
const minuteUs = 60 * secondUs
const hourUs = 60 * minuteUs
/** Longer ranges are told from the hours. */
const longestInMinutesUs = 48 * hourUs
const maxEndpoints = 1_000

/** @param deps.nowUs microseconds since 1970 */
export function createDeliverySummarizer(deps: {
  readonly clickhouse: ClickhouseReader
  readonly nowUs: () => Microseconds
}): DeliverySummarizer {
  return {
    async summarize(reader, { endpoint, fromUs, toUs = deps.nowUs() }) {
      const range = coveredRange(fromUs ?? toUs - hourUs, toUs)
      const rows = await deps.clickhouse.read(buildSummarySql(reader, range, endpoint), maxEndpoints)
      return { fromUs: range.fromUs, toUs: range.toUs, endpoints: rows.map(toSummary) }
    },
  }
}

interface CoveredRange {
  readonly fromUs: Microseconds
  readonly toUs: Microseconds
  readonly source: 'minute' | 'hour'
}

export function coveredRange(fromUs: Microseconds, toUs: Microseconds): CoveredRange {
  const source = toUs - fromUs <= longestInMinutesUs ? 'minute' : 'hour'
  const step = source === 'minute' ? minuteUs : hourUs
  return { fromUs: Math.floor(fromUs / step) * step, toUs: Math.ceil(toUs / step) * step, source }
}

export function buildSummarySql(
  reader: Reader,
  { fromUs, toUs, source }: CoveredRange,
  endpoint: string | undefined,
): Statement {
  const conditions = [
    'tenant = {tenant:String}',
    `${source} >= toDateTime({from:Int64}, 'UTC')`,
    `${source} < toDateTime({to:Int64}, 'UTC')`,
    ...(endpoint === undefined ? [] : ['endpoint = {endpoint:String}']),
    // As with their list: what endpoints get is events, which a constrained key may have nothing to do with.
    ...(reader.constraints === undefined ? [] : ["endpoint = ''"]),
  ]
  return {
    sql: `SELECT endpoint, sum(accepted), sum(requests) AS asked, sum(delivered), sum(failed), sum(unanswered), sum(dead),
  sum(held), sum(redriven), quantilesDDMerge(0.01, 0.5, 0.9, 0.95, 0.99)(durations)
FROM delivery_${source}s WHERE ${conditions.join(' AND ')}
GROUP BY endpoint ORDER BY asked DESC, endpoint LIMIT ${maxEndpoints}`,
    parameters: {
      tenant: reader.tenant,
      from: fromUs / secondUs,
      to: toUs / secondUs,
      ...(endpoint !== undefined && { endpoint }),
    },
  }
}

function toSummary(row: Row): EndpointSummary {
  const count = (index: number): number => Number(row[index])
  const requests = count(2)
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0] = (row[9] as readonly unknown[]).map(
    (us) => Math.round(Number(us)) / 1_000,
  )
  return {
    endpoint: String(row[0]),
    accepted: count(1),
    requests,
    delivered: count(3),
    failed: count(4),
    unanswered: count(5),
    dead: count(6),
    held: count(7),
    redriven: count(8),
    durationMs: requests === 0 ? undefined : { p50, p90, p95, p99 },
  }
}
