import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import type { Hash128 } from './hash-name.ts'
import type { OffsetRange } from './pending-range.ts'
import { SeenIds } from './seen-ids.ts'

export interface SeenIdsReader {
  /**
   * The ids that a partition has landed within the window before the newest of them, `except` those of a range that
   * is about to be judged again: its ids must not look like repeats of themselves. Rejects when ClickHouse cannot
   * answer.
   */
  read(partition: number, except: OffsetRange | undefined, signal: AbortSignal): Promise<SeenIds>
}

/** 16 bytes of hash, 8 of time. */
const entryBytes = 24
/** An erased event is in no table of events any more, and its id is still taken. */
const erased = `(SELECT tenant, source, id, kafka_partition, event_offset AS kafka_offset,
      event_received_at AS received_at FROM event_changes WHERE erased AND status = 'applied')`
const tables = ['events', 'invalid_events', erased] as const

export function createSeenIdsReader(
  clickhouse: ClickHouseClient,
  config: { dedupeWindowMs: number },
  /** The hasher's: 16 random bytes. */
  key: Buffer,
): SeenIdsReader {
  const windowUs = config.dedupeWindowMs * 1_000
  const keys = { k0: key.readBigUInt64LE(0).toString(), k1: key.readBigUInt64LE(8).toString() }
  return {
    async read(partition, except, signal) {
      const seen = new SeenIds(windowUs)
      for (const query of [...tables.map(buildQuery), replayedQuery]) {
        const { stream } = await clickhouse.exec({
          query,
          query_params: {
            ...keys,
            partition,
            from: except?.from ?? 1,
            to: except?.to ?? 0,
            window: windowUs,
          },
          // The answer is kept until it is whole, so that a failure half-way is an error and not a short answer.
          clickhouse_settings: { wait_end_of_query: 1 },
          abort_signal: signal,
        })
        await readEntries(stream, (hash, at) => seen.add(hash, at, at))
      }
      return seen
    },
  }
}

/** The window ends with the newest landed record: what follows was received about then or later. */
function buildQuery(table: (typeof tables)[number]): string {
  const landed =
    'kafka_partition = {partition: UInt32} AND kafka_offset NOT BETWEEN {from: UInt64} AND {to: UInt64}'
  const newest = tables
    .map((name) => `SELECT max(received_at) AS at FROM ${name} WHERE ${landed}`)
    .join(' UNION ALL ')
  return `
    WITH (SELECT max(at) FROM (${newest})) AS newest
    SELECT
      sipHash128ReferenceKeyed(({k0: UInt64}, {k1: UInt64}), concat(tenant, '\\0', source, '\\0', id)),
      toUnixTimestamp64Micro(received_at)
    FROM ${table}
    WHERE ${landed} AND received_at >= least(newest, now64(6)) - toIntervalMicrosecond({window: UInt64})
    FORMAT RowBinary`
}

const replayedQuery = `
    SELECT
      sipHash128ReferenceKeyed(({k0: UInt64}, {k1: UInt64}), concat(tenant, '\\0', source, '\\0', id, '\\0replayed')),
      toUnixTimestamp64Micro(stored_at)
    FROM events
    WHERE replay != '' AND kafka_partition = {partition: UInt32}
      AND kafka_offset NOT BETWEEN {from: UInt64} AND {to: UInt64}
      AND stored_at >= now64(6) - toIntervalMicrosecond({window: UInt64})
    FORMAT RowBinary`

async function readEntries(
  stream: AsyncIterable<Buffer>,
  take: (hash: Hash128, receivedAtUs: number) => void,
): Promise<void> {
  let rest: Buffer = Buffer.alloc(0)
  const hash = new Int32Array(4)
  for await (const chunk of stream) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    for (; at + entryBytes <= bytes.length; at += entryBytes) {
      for (let word = 0; word < 4; word += 1) hash[word] = bytes.readInt32LE(at + word * 4)
      take(hash, Number(bytes.readBigInt64LE(at + 16)))
    }
    rest = bytes.subarray(at)
  }
  if (rest.length > 0) throw new Error('ClickHouse answered with half an entry')
}
