import type { MeshFixture } from './mesh-fixture.ts'

const levels = [
  { table: 'meter_minutes', column: 'minute', start: 'toStartOfMinute' },
  { table: 'meter_hours', column: 'hour', start: 'toStartOfHour' },
  { table: 'meter_days', column: 'day', start: 'toStartOfDay' },
] as const

/** Minutes, hours and days whose rollup is not what the rows add up to: none, whatever died in between. */
export async function differingRollups(mesh: Pick<MeshFixture, 'rows'>): Promise<unknown[]> {
  const found = await Promise.all(
    levels.map(({ table, column, start }) =>
      mesh.rows(`
    SELECT * FROM (
      SELECT reading.meter AS meter, reading.version AS version, ${start}(toDateTime(occurred_at, 'UTC')) AS ${column},
        reading.group AS groups, count() AS count, ifNull(sum(reading.value), 0) AS sum,
        min(reading.value) AS min, max(reading.value) AS max
      FROM events ARRAY JOIN readings AS reading GROUP BY meter, version, ${column}, groups
    ) AS raw FULL JOIN (
      SELECT meter, version, ${column}, group AS groups, sum(${table}.count) AS count, sum(${table}.sum) AS sum,
        min(${table}.min) AS min, max(${table}.max) AS max
      FROM ${table} GROUP BY meter, version, ${column}, groups
    ) AS rolled USING (meter, version, ${column}, groups)
    WHERE raw.count != rolled.count OR raw.sum != rolled.sum
      OR raw.min IS DISTINCT FROM rolled.min OR raw.max IS DISTINCT FROM rolled.max`),
    ),
  )
  return found.flat()
}

/** Hours and days that are not what their minutes add up to, corrections and backfills included: none. */
export async function differingFromMinutes(mesh: Pick<MeshFixture, 'rows'>): Promise<unknown[]> {
  const sums = (table: string, start: string): string => `
    SELECT tenant, meter, version, ${start} AS start, group AS groups, sum(${table}.count) AS count,
      sum(${table}.sum) AS sum, min(${table}.min) AS min, max(${table}.max) AS max
    FROM ${table} GROUP BY tenant, meter, version, start, groups`
  const found = await Promise.all(
    levels.slice(1).map(({ table, column, start }) =>
      mesh.rows(`
    SELECT * FROM (${sums('meter_minutes', `${start}(minute)`)}) AS fine
    FULL JOIN (${sums(table, column)}) AS coarse USING (tenant, meter, version, start, groups)
    WHERE fine.count != coarse.count OR fine.sum != coarse.sum
      OR fine.min IS DISTINCT FROM coarse.min OR fine.max IS DISTINCT FROM coarse.max`),
    ),
  )
  return found.flat()
}
