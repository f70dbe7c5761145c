import type { AnnouncedWrites, ReadMark } from './announced-writes.ts'
import type { ClickhouseReader } from './clickhouse-reader.ts'
import type { ReportChanges, ReportMeter, ReportQuery } from './report-query.ts'
import { valueForm } from './report-values.ts'
import type { Parameters, Statement } from './statement.ts'
import type { TouchScope } from './touch-log.ts'

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

/**
 * One row of four numbers: retractions, settlements, those of them that are not in the rollup, and whether there are any
 * changes at all, of whatever time.
 */
function buildChangesSql({ meter, access, fromUs, toUs }: RangeQuery): Statement {
  const parameters: Parameters = {
    tenant: meter.tenant,
    eventTypes: access.eventTypes,
    from: String(fromUs),
    to: String(toUs),
  }
  const unrolled = unrolledChanges(meter, parameters)
  const sql = `SELECT countIf(kind = 'retraction'), countIf(kind = 'settlement'), countIf(${unrolled}),
  (SELECT count() FROM (SELECT 1 FROM event_changes WHERE ${effectiveChanges(['retraction', 'settlement'])} LIMIT 1))
FROM event_changes
WHERE ${effectiveChanges(kindsOf(meter))}
  AND occurred_at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')
  AND occurred_at < fromUnixTimestamp64Micro({to:Int64}, 'UTC')`
  return { sql, parameters }
}

export const noChanges: ReportChanges = { retractions: false, settlements: false, unrolled: false }

export interface ChangesReader {
  /** Undefined when ClickHouse has to be asked. */
  known(query: RangeQuery): ReportChanges | undefined
  /** One that lands meanwhile is not promised to be in the report. */
  read(query: RangeQuery): Promise<ReportChanges>
}

const maxKnown = 10_000

/**
 * Which changes of events there are in a report's range. Most tenants never change any: that is remembered until the
 * aggregators announce one, which they do for all of a tenant's meters at once.
 */
export function createChangesReader(
  clickhouse: ClickhouseReader,
  writes: Pick<AnnouncedWrites, 'mark' | 'isCurrent' | 'scope'>,
): ChangesReader {
  const never = new Map<string, { readonly scope: TouchScope; readonly mark: ReadMark }>()
  const keyOf = ({ meter, access }: RangeQuery): string => JSON.stringify([meter.tenant, access.eventTypes])
  return {
    known(query) {
      const found = never.get(keyOf(query))
      return found !== undefined && writes.isCurrent(found.scope, found.mark) ? noChanges : undefined
    },
    async read(query) {
      const mark = writes.mark()
      const [row = []] = await clickhouse.read(buildChangesSql(query), 1)
      const [retractions, settlements, unrolled, ever] = row.map((cell) => Number(cell) > 0)
      const always = { fromMinute: 0, toMinute: Number.POSITIVE_INFINITY }
      const scope = writes.scope({ tenant: query.meter.tenant, meter: '', version: 0 }, always)
      if (never.size >= maxKnown) never.clear()
      if (ever === false) never.set(keyOf(query), { scope, mark })
      return {
        retractions: retractions ?? false,
        settlements: settlements ?? false,
        unrolled: unrolled ?? false,
      }
    },
  }
}
