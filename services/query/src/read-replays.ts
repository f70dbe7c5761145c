import type { ReplayProgressIndex } from '@millrace/catalog/replay-progress'
import type { ClickhouseReader } from './clickhouse-reader.ts'

/** How far a replay has come. */
export type ReplayProgress = EventReplayProgress | DeliveryReplayProgress

interface EventReplayProgress {
  readonly status: 'running' | 'done'
  /** Invalid events that it had to judge again when it began. */
  readonly selected: number
  /** Those of them that are valid now. */
  readonly processed: number
  /** Those that were judged again and are not. */
  readonly stillInvalid: number
}

interface DeliveryReplayProgress {
  readonly status: 'running' | 'done'
  /** Dead and held deliveries that it has found so far. */
  readonly selected: number
  /** Those of them that are on their way again. */
  readonly redriven: number
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

/** @param deliveries those of deliveries are told of in Kafka, by who carries them out */
export function createReplayProgressReader(
  clickhouse: ClickhouseReader,
  deliveries: Pick<ReplayProgressIndex, 'read'>,
): ReplayProgressReader {
  const readEvents = async (
    tenant: string,
    names: readonly string[],
  ): Promise<[string, EventReplayProgress][]> => {
    if (names.length === 0) return []
    const rows = await clickhouse.read({ sql, parameters: { tenant, names } }, names.length)
    return rows.map(([name, done, selected, processed, stillInvalid]) => [
      String(name),
      {
        status: done === true ? 'done' : 'running',
        selected: Number(selected),
        processed: Number(processed),
        stillInvalid: Number(stillInvalid),
      },
    ])
  }
  return {
    async read(tenant, names) {
      const found = names.flatMap((name): [string, DeliveryReplayProgress][] => {
        const progress = deliveries.read(tenant, name)
        if (progress === undefined) return []
        const { selected, redriven, done } = progress
        return [[name, { status: done ? 'done' : 'running', selected, redriven }]]
      })
      const known = new Map<string, ReplayProgress>(found)
      const others = await readEvents(
        tenant,
        names.filter((name) => !known.has(name)),
      )
      return new Map([...known, ...others])
    },
  }
}
