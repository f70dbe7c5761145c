import type { ClickhouseReader } from './clickhouse-reader.ts'
import type { ReportChanges, ReportMeter, ReportQuery } from './report-query.ts'
import { valueForm } from './report-values.ts'
import type { Parameters, Statement } from './statement.ts'

export type ChangeKind = 'retraction' | 'settlement'

/** A condition on event_changes: those that had an effect, on events of the types that are read. */
export function effectiveChanges(kinds: readonly ChangeKind[]): string {
  const named = kinds.map((kind) => `'${kind}'`).join(', ')
  return `tenant = {tenant:String} AND kind IN (${named}) AND type IN {eventTypes:Array(String)} AND status = 'applied'`
}

/** The same, those that the rollup of a meter did not take in. */
export function unrolledChanges(meter: ReportMeter, parameters: Parameters): string {
  const changes = effectiveChanges(kindsOf(meter))
  // An extreme cannot be taken back.
  if (!valueForm(meter.aggregation).additive) return changes
  parameters.corrected = `,${meter.name}@${meter.version},`
  return `${changes} AND position(corrected, {corrected:String}) = 0`
}

/** A settlement changes nothing but which amounts are paid. */
function kindsOf({ aggregation }: ReportMeter): readonly ChangeKind[] {
  return aggregation === 'amount' ? ['retraction', 'settlement'] : ['retraction']
}

type RangeQuery = Pick<ReportQuery, 'meter' | 'access' | 'fromUs' | 'toUs'>

/** One row of three numbers: retractions, settlements, and those of them that are not in the rollup. */
function buildChangesSql({ meter, access, fromUs, toUs }: RangeQuery): Statement {
  const parameters: Parameters = {
    tenant: meter.tenant,
    eventTypes: access.eventTypes,
    from: String(fromUs),
    to: String(toUs),
  }
  const unrolled = unrolledChanges(meter, parameters)
  const sql = `SELECT countIf(kind = 'retraction'), countIf(kind = 'settlement'), countIf(${unrolled})
FROM event_changes
WHERE ${effectiveChanges(kindsOf(meter))}
  AND occurred_at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Micro({to:Int64}, 'UTC')`
  return { sql, parameters }
}

/**
 * Asked for before the report, which is several times as much to plan for ClickHouse when it has to look for changes.
 * One that lands in between is not promised to be in the report.
 */
export async function readChanges(clickhouse: ClickhouseReader, query: RangeQuery): Promise<ReportChanges> {
  const [row = []] = await clickhouse.read(buildChangesSql(query), 1)
  const [retractions, settlements, unrolled] = row.map((cell) => Number(cell) > 0)
  return {
    retractions: retractions ?? false,
    settlements: settlements ?? false,
    unrolled: unrolled ?? false,
  }
}
