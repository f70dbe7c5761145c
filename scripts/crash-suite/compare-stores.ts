import type { ClickHouseClient } from '@clickhouse/client'
import { expectedLedger } from './chaos-events.ts'

/** Everything that is not as it has to be, in words; empty when all of it is exact. */
export async function compareStores(
  clickhouse: ClickHouseClient,
  events: number,
): Promise<readonly string[]> {
  const read = async <Row>(query: string): Promise<readonly Row[]> =>
    await (await clickhouse.query({ query, format: 'JSONEachRow' })).json<Row>()
  const faults: string[] = []
  const [rows] = await read<{ all: string; different: string }>(
    'SELECT toString(count()) AS all, toString(uniqExact(tenant, source, id)) AS different FROM events',
  )
  if (rows?.all !== String(events) || rows.different !== String(events)) {
    faults.push(`${rows?.all} rows with ${rows?.different} ids of ${events} accepted events`)
  }
  for (const level of levels) {
    const differing = await read<object>(differingRollups(level))
    for (const row of differing) faults.push(`${level.table}: ${JSON.stringify(row)}`)
  }
  const ledger = await read<{ key: string; amount: string }>(
    `SELECT concat(toString(toDate(day)), ' ', group[1], ' ', group[3]) AS key, toString(sum(meter_days.sum)) AS amount
    FROM meter_days WHERE meter = 'care' GROUP BY key HAVING sum(meter_days.count) != 0 OR sum(meter_days.sum) != 0`,
  )
  const found = new Map(ledger.map(({ key, amount }) => [key, Number(amount)]))
  const expected = expectedLedger(events)
  for (const key of new Set([...found.keys(), ...expected.keys()])) {
    if (found.get(key) === expected.get(key)) continue
    faults.push(`ledger ${key}: ${found.get(key)} instead of ${expected.get(key)}`)
  }
  return faults
}

const levels = [
  { table: 'meter_minutes', column: 'minute', start: 'toStartOfMinute' },
  { table: 'meter_hours', column: 'hour', start: 'toStartOfHour' },
  { table: 'meter_days', column: 'day', start: 'toStartOfDay' },
] as const

/** Sums that are not what the rows add up to: the events' readings, and what settlements and retractions changed. */
function differingRollups({ table, column, start }: (typeof levels)[number]): string {
  const readings = (from: string, count: string, least: string): string => `
      SELECT reading.meter AS meter, reading.version AS version, ${start}(toDateTime(occurred_at, 'UTC')) AS at,
        reading.group AS groups, ${count} AS times, toDecimal256(reading.value, 18) AS part, ${least} AS least
      FROM ${from} ARRAY JOIN readings AS reading`
  return `SELECT * FROM (
    SELECT meter, version, at, groups, sum(times) AS count, ifNull(sum(part), 0) AS total, min(least) AS lowest, max(least) AS highest
    FROM (${readings('events', 'toInt64(1)', 'reading.value')} UNION ALL ${readings('event_changes', 'reading.count', 'NULL')})
    GROUP BY meter, version, at, groups
  ) AS raw FULL JOIN (
    SELECT meter, version, ${column} AS at, group AS groups, sum(${table}.count) AS count, sum(${table}.sum) AS total,
      min(${table}.min) AS lowest, max(${table}.max) AS highest
    FROM ${table} GROUP BY meter, version, at, groups
  ) AS rolled USING (meter, version, at, groups)
  WHERE raw.count != rolled.count OR raw.total != rolled.total
    OR raw.lowest IS DISTINCT FROM rolled.lowest OR raw.highest IS DISTINCT FROM rolled.highest
  LIMIT 20`
}
