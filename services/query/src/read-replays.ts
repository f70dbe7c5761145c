import type { ClickhouseReader } from './clickhouse-reader.ts'

/** How far a replay of events has come. */
export interface ReplayProgress {
  readonly status: 'running' | 'done'
  /** Invalid events that it had to judge again when it began. */
  readonly selected: number
  /** Those of them that are valid now. */
  readonly processed: number
  /** Those that were judged again and are not. */
  readonly stillInvalid: number
}

export interface ReplayProgressReader {
  /**
   * By name; replays that have not begun are not in it.
   * @throws {ServiceError} as ClickhouseReader does
   */
  read(tenant: string, names: readonly string[]): Promise<ReadonlyMap<string, ReplayProgress>>
}

const sql = `SELECT replay, done, selected, processed, still_invalid FROM replays FINAL
WHERE tenant = {tenant:String} AND replay IN {names:Array(String)}`

export function createReplayProgressReader(clickhouse: ClickhouseReader): ReplayProgressReader {
  return {
    async read(tenant, names) {
      if (names.length === 0) return new Map()
      const rows = await clickhouse.read({ sql, parameters: { tenant, names } }, names.length)
      return new Map(
        rows.map(([name, done, selected, processed, stillInvalid]) => [
          String(name),
          {
            status: done === true ? 'done' : 'running',
            selected: Number(selected),
            processed: Number(processed),
            stillInvalid: Number(stillInvalid),
          },
        ]),
      )
    },
  }
}
