import { type MeshFixture, makeEvent } from './mesh-fixture.ts'

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

interface Choice {
  readonly version?: number
  /** Kinds of meters; all of them unless given. */
  readonly only?: readonly string[]
}

const kinds = Object.keys(bodies)

/** Late events, groups, decimals, values that are missing, events that a filter leaves out. */
export function makeVisits(count: number, offset = 0) {
  const nowUs = Date.now() * 1_000
  return Array.from({ length: count }, (_, index) => {
    const number = offset + index
    return makeEvent(
      {
        source: number % 5 === 0 ? 'kiosk' : 'shop',
        subject: `eu/${number % 3}`,
        occurredAtUs: nowUs - (number % 11) * 86_400_000_000 - number,
        ...(number % 7 === 0 && { extensions: { region: { value: { $case: 'text', value: 'north' } } } }),
      },
      {
        path: `/p${number % 4}`,
        ...(number % 6 > 0 && { amount: `${number % 90}.${String(number).padStart(6, '0')}` }),
      },
    )
  })
}

export const compareMeters = {
  async put(mesh: MeshFixture, set: string, { version = 1, only = kinds }: Choice = {}): Promise<void> {
    for (const kind of only) await mesh.putMeter(`${set}-${kind}`, bodies[kind] ?? {}, version)
  },
  /** What two sets of meters tell differently: rows of the rollup, and single readings. */
  async differences(
    mesh: MeshFixture,
    one: string,
    other: string,
    { version = 1, only = kinds }: Choice = {},
  ): Promise<unknown[]> {
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
    const counted = await mesh.value(`SELECT uniqExact(meter) FROM (
      SELECT meter FROM meter_minutes WHERE startsWith(meter, '${one}-')
      UNION ALL SELECT meter FROM meter_readings WHERE startsWith(meter, '${one}-'))`)
    if (Number(counted) !== only.length) throw new Error(`${counted} meters have readings`)
    return [...(await mesh.rows(differing(rolledUp))), ...(await mesh.rows(differing(single)))]
  },
}

/** The backfills of all meters of a set are complete. */
export async function completeBackfills(
  mesh: MeshFixture,
  set: string,
  { version = 1, only = kinds }: Choice = {},
): Promise<boolean> {
  const complete = await mesh.value(`
    SELECT count() FROM (
      SELECT meter FROM backfill_chunks FINAL WHERE startsWith(meter, '${set}-') AND version = ${version}
      GROUP BY meter HAVING countIf(landed) = any(chunks)
    )`)
  return Number(complete) === only.length
}
