import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client'
import { shareRuns, untilAborted } from './share-runs.ts'

/** Those that migrations make on every replica. */
export const replicatedTables = [
  'backfill_chunks',
  'backfill_marks',
  'backfilled_readings',
  'deliveries',
  'delivery_hours',
  'delivery_minutes',
  'delivery_states',
  'event_changes',
  'events',
  'invalid_events',
  'meter_days',
  'meter_hours',
  'meter_minutes',
  'meter_readings',
  'replays',
  'schema_migrations',
] as const

const anyTable = new RegExp(`\\b(${replicatedTables.join('|')})\\b`, 'g')
const insert = /^\s*INSERT\s/i
const read = /^\s*(SELECT|WITH)\s/i
const readWithin = /\sSELECT\s/i

/** After that the insert is refused; whoever repeats it under its token waits for the same block. */
const quorumTimeoutMs = 60_000
/** A replica that lags more is told to be behind. */
const syncSeconds = 30
/** ClickHouse's codes of what is not there yet: the read itself tells it better. */
const absentCodes: readonly unknown[] = ['60', '81']

/** The replica that answers cannot be told to have everything that was inserted elsewhere. */
export class ReplicaBehindError extends Error {
  override readonly name = 'ReplicaBehindError'
}

type Result = { readonly response_headers: Readonly<Record<string, unknown>> }
type Question = {
  readonly query: string
  readonly abort_signal?: AbortSignal
  readonly clickhouse_settings?: ClickHouseSettings
}

/**
 * Makes a cluster of replicas look like one server:
 * - an insert is told to be done when most replicas have it, so that it outlives any one of them;
 * - before a read, the replica that is asked fetches what others have taken: it sees whatever was told to be done.
 * ClickHouse's own `select_sequential_consistency` does not go with inserts at the same time as others.
 */
export function readAndWriteReplicas(client: ClickHouseClient, cluster: string): ClickHouseClient {
  const query = client.query.bind(client) as (question: Question) => Promise<Result & { close(): void }>
  const exec = client.exec.bind(client) as (
    question: Question,
  ) => Promise<Result & { stream: { destroy(): unknown } }>
  const command = client.command.bind(client)
  const insertRows = client.insert.bind(client) as (question: object) => Promise<Result>
  const quorum = createQuorumReader(client.query.bind(client), cluster)
  const bringUpToDate = createReplicaSync(command)

  const withQuorum = async <Asked extends Pick<Question, 'clickhouse_settings'>>(
    asked: Asked,
  ): Promise<Asked> => ({
    ...asked,
    clickhouse_settings: { ...(await quorum()), ...asked.clickhouse_settings },
  })

  /** @param discard closes an answer that is of no use */
  const readFresh = async <Answer extends Result>(
    ask: (question: Question) => Promise<Answer>,
    question: Question,
    discard: (answer: Answer) => void,
  ): Promise<Answer> => {
    const synced = await bringUpToDate(question)
    // The client does not look at what was aborted before.
    question.abort_signal?.throwIfAborted()
    const answer = await ask(question)
    const server = serverOf(answer)
    if (synced.every((name) => name === server)) return answer
    discard(answer)
    throw new ReplicaBehindError(
      `replica ${server} of ClickHouse has answered after ${synced.join(', ')} was brought up to date: CLICKHOUSE_URL has to lead to one replica at a time (docs/operations.md, ClickHouse in replicas)`,
    )
  }

  const prepareInsert = async (question: Question): Promise<Question> => {
    if (readWithin.test(question.query)) await bringUpToDate(question)
    const prepared = await withQuorum(question)
    question.abort_signal?.throwIfAborted()
    return prepared
  }

  return Object.assign(client, {
    query: (question: Question) => readFresh(query, question, (answer) => answer.close()),
    exec: async (question: Question) => {
      if (insert.test(question.query)) return await exec(await prepareInsert(question))
      if (!read.test(question.query)) return await exec(question)
      return await readFresh(exec, question, ({ stream }) => stream.destroy())
    },
    command: async (question: Question) =>
      await command(insert.test(question.query) ? await prepareInsert(question) : question),
    insert: async (question: Pick<Question, 'clickhouse_settings'>) =>
      await insertRows(await withQuorum(question)),
  }) as ClickHouseClient
}

/** Most of the cluster's replicas, and not of those that have a table: one that has it alone must not do. */
function createQuorumReader(
  query: ClickHouseClient['query'],
  cluster: string,
): () => Promise<ClickHouseSettings> {
  let known: ClickHouseSettings | undefined
  return async () => {
    known ??= await readQuorum(query, cluster)
    return known
  }
}

async function readQuorum(query: ClickHouseClient['query'], cluster: string): Promise<ClickHouseSettings> {
  const result = await query({
    query: `SELECT toUInt32(uniqExact(shard_num)) AS shards, toUInt32(count()) AS replicas
      FROM system.clusters WHERE cluster = {cluster: String}`,
    query_params: { cluster },
    format: 'JSONEachRow',
  })
  const [row] = await result.json<{ shards: number; replicas: number }>()
  if (row?.shards !== 1) {
    throw new Error(
      `CLICKHOUSE_CLUSTER ${cluster} has ${row?.shards ?? 0} shards by ClickHouse’s system.clusters; it has to be one, of any number of replicas`,
    )
  }
  return {
    insert_quorum: String(Math.floor(row.replicas / 2) + 1),
    insert_quorum_parallel: 1,
    insert_quorum_timeout: quorumTimeoutMs,
  }
}

/** Resolves with the names of the servers that have fetched what the question reads from. */
function createReplicaSync(
  command: ClickHouseClient['command'],
): (question: Question) => Promise<readonly string[]> {
  const syncOf = (table: string) =>
    shareRuns(async () => {
      try {
        const result = await command({
          query: `SYSTEM SYNC REPLICA ${table} LIGHTWEIGHT`,
          clickhouse_settings: { receive_timeout: syncSeconds },
          // Everybody who reads the table waits for this one, and a machine that is gone says nothing.
          abort_signal: AbortSignal.timeout((syncSeconds + 5) * 1_000),
        })
        return [serverOf(result)]
      } catch (cause) {
        if (absentCodes.includes((cause as { code?: unknown }).code)) return []
        throw new ReplicaBehindError(`the replica of ClickHouse that is asked lags behind in ${table}`, {
          cause,
        })
      }
    })
  const syncs = new Map(replicatedTables.map((table) => [table as string, syncOf(table)]))
  return async ({ query, abort_signal }) => {
    const tables = new Set(query.match(anyTable))
    const running = [...tables].flatMap((table) => syncs.get(table)?.() ?? [])
    return (await untilAborted(Promise.all(running), abort_signal)).flat()
  }
}

function serverOf({ response_headers }: Result): string {
  return String(response_headers['x-clickhouse-server-display-name'])
}
