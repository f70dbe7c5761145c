import type { MeshFixture } from './mesh-fixture.ts'

/** Minutes whose rollup is not what the rows add up to: none, whatever died in between. */
export function differingRollups(mesh: MeshFixture): Promise<unknown[]> {
  return mesh.rows(`
    SELECT * FROM (
      SELECT reading.meter AS meter, reading.version AS version, toStartOfMinute(toDateTime(occurred_at)) AS minute,
        reading.group AS groups, count() AS count, ifNull(sum(reading.value), 0) AS sum,
        min(reading.value) AS min, max(reading.value) AS max
      FROM events ARRAY JOIN readings AS reading GROUP BY meter, version, minute, groups
    ) AS raw FULL JOIN (
      SELECT meter, version, minute, group AS groups, sum(meter_minutes.count) AS count, sum(meter_minutes.sum) AS sum,
        min(meter_minutes.min) AS min, max(meter_minutes.max) AS max
      FROM meter_minutes GROUP BY meter, version, minute, groups
    ) AS rolled USING (meter, version, minute, groups)
    WHERE raw.count != rolled.count OR raw.sum != rolled.sum
      OR raw.min IS DISTINCT FROM rolled.min OR raw.max IS DISTINCT FROM rolled.max`)
}
