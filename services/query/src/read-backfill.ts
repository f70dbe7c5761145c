import type { ClickhouseReader } from './clickhouse-reader.ts'

/** How far the events from before a meter are counted. */
export interface Backfill {
  readonly done: boolean
  /** Share of the events, from 0 to 1; less than 1 until it is done. */
  readonly progress: number
}

export interface BackfillReader {
  /** @throws {ServiceError} as ClickhouseReader does */
  read(meter: { readonly tenant: string; readonly name: string; readonly version: number }): Promise<Backfill>
}

const finished: Backfill = { done: true, progress: 1 }
const sql = `SELECT count(), countIf(landed), any(chunks), sum(events), sumIf(events, landed)
FROM backfill_chunks FINAL
WHERE tenant = {tenant:String} AND meter = {meter:String} AND version = {version:UInt64}`

/** A backfill that is done stays so: of each meter's last version that is kept, and ClickHouse is not asked again. */
export function createBackfillReader(clickhouse: ClickhouseReader): BackfillReader {
  const done = new Map<string, number>()
  return {
    async read({ tenant, name, version }) {
      const key = `${tenant}/${name}`
      if (done.get(key) === version) return finished
      const [row = []] = await clickhouse.read({ sql, parameters: { tenant, meter: name, version } }, 1)
      const [planned = 0, landed = 0, chunks = 0, events = 0, landedEvents = 0] = row.map(Number)
      if (planned > 0 && landed === chunks) {
        done.set(key, version)
        return finished
      }
      return { done: false, progress: events === 0 ? 0 : Math.min(0.999, landedEvents / events) }
    },
  }
}
