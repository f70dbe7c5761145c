import type { MeshFixture } from './mesh-fixture.ts'

const eventTypes = ['visit.recorded']

/** A meter of every kind; the names of a set share their beginning. */
const bodies: Readonly<Record<string, object>> = {
  count: { eventTypes, aggregation: 'count', groupBy: { page: '/data/path' } },
  sum: {
    eventTypes,
    aggregation: 'sum',
    value: '/data/amount',
    groupBy: { area: '/subject', page: '/data/path' },
  },
  filtered: { eventTypes, aggregation: 'count', filter: { not: { exact: { source: 'kiosk' } } } },
  region: { eventTypes, aggregation: 'count', filter: { exact: { region: 'north' } } },
  min: { eventTypes, aggregation: 'min', value: '/data/amount' },
  max: { eventTypes, aggregation: 'max', value: '/data/amount' },
  latest: { eventTypes, aggregation: 'latest', value: '/data/amount', groupBy: { page: '/data/path' } },
  unique: { eventTypes, aggregation: 'unique', value: '/subject' },
  p95: { eventTypes, aggregation: 'p95', value: '/data/amount' },
}

export const compareMeters = {
  async put(mesh: MeshFixture, set: string, version = 1): Promise<void> {
    for (const [name, body] of Object.entries(bodies)) await mesh.putMeter(`${set}-${name}`, body, version)
  },
  /** What two sets of meters tell differently: rows of the rollup, and single readings. */
  async differences(mesh: MeshFixture, one: string, other: string, version = 1): Promise<unknown[]> {
    const rolledUp = (set: string, of: number): string => `
      SELECT substring(meter, length('${set}') + 2) AS name, minute, group AS groups, sum(count) AS counted,
        sum(sum) AS summed, min(min) AS least, max(max) AS most
      FROM meter_minutes WHERE startsWith(meter, '${set}-') AND version = ${of} GROUP BY meter, name, minute, groups`
    const single = (set: string, of: number): string => `
      SELECT substring(meter, length('${set}') + 2) AS name, occurred_at, group AS groups, value, kafka_partition,
        kafka_offset, kafka_index, count() AS counted
      FROM meter_readings WHERE startsWith(meter, '${set}-') AND version = ${of} GROUP BY ALL`
    const differing = (select: typeof rolledUp): string =>
      `(${select(one, 1)} EXCEPT ${select(other, version)}) UNION ALL (${select(other, version)} EXCEPT ${select(one, 1)})`
    const names = `SELECT DISTINCT substring(meter, length('${one}') + 2) FROM meter_minutes WHERE startsWith(meter, '${one}-')
      UNION DISTINCT SELECT DISTINCT substring(meter, length('${one}') + 2) FROM meter_readings WHERE startsWith(meter, '${one}-')`
    const counted = await mesh.value(`SELECT count() FROM (${names})`)
    if (Number(counted) !== Object.keys(bodies).length)
      throw new Error(`only ${counted} meters have readings`)
    return [...(await mesh.rows(differing(rolledUp))), ...(await mesh.rows(differing(single)))]
  },
}

/** The backfills of all meters of these sets, in their newest versions, are complete. */
export async function completeBackfills(mesh: MeshFixture, ...sets: readonly string[]): Promise<boolean> {
  for (const set of sets) {
    const complete = await mesh.value(`
      SELECT count() FROM (
        SELECT meter, version FROM backfill_chunks FINAL WHERE startsWith(meter, '${set}-')
        GROUP BY meter, version HAVING countIf(landed) = any(chunks)
        ORDER BY version DESC LIMIT 1 BY meter
      )`)
    if (Number(complete) !== Object.keys(bodies).length) return false
  }
  return true
}
