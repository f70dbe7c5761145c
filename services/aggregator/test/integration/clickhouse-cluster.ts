import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'

export interface ClickhouseCluster {
  readonly url: string
  /** Statements as they came, in order. */
  readonly statements: string[]
  /** Settings of the inserts into `events`. */
  readonly inserts: URLSearchParams[]
}

/**
 * Stands between the aggregator and one ClickHouse and passes it off as a cluster of three replicas. The engine of the
 * tests replicates nothing (docs/operations.md): what only replicas know is taken out of statements, so that everything
 * else runs for real.
 */
export async function startClickhouseCluster(t: Test, target: string): Promise<ClickhouseCluster> {
  const statements: string[] = []
  const inserts: URLSearchParams[] = []
  const server = createServer(async (incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', target)
    const body = await buffer(incoming)
    const inAddress = url.searchParams.get('query')
    const statement = inAddress ?? body.toString()
    statements.push(statement)
    if (statement.startsWith('INSERT INTO events ')) inserts.push(url.searchParams)
    const told = answerOf(statement)
    if (told !== undefined) return outgoing.writeHead(200, displayName).end(told)
    const sent = inAddress === null && isText(incoming.headers) ? Buffer.from(onOne(statement)) : body
    const { 'content-length': _, 'transfer-encoding': __, ...headers } = incoming.headers
    const passed = request(url, { method: incoming.method, headers })
    passed.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, { ...answer.headers, ...displayName })
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    outgoing.on('close', () => passed.destroy())
    passed.end(sent)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, statements, inserts }
}

const displayName = { 'x-clickhouse-server-display-name': 'replica-1' }

/** What the one ClickHouse cannot say. */
function answerOf(statement: string): string | undefined {
  if (statement.startsWith('SYSTEM SYNC REPLICA ')) return ''
  if (statement.includes('uniqExact(shard_num)')) return '{"shards":1,"replicas":3}\n'
  if (statement.includes("engine NOT LIKE 'Replicated%'")) return ''
  return undefined
}

/** Values that are uploaded as a form are of reads, which say nothing of replicas. */
function isText(headers: IncomingHttpHeaders): boolean {
  return !headers['content-type']?.startsWith('multipart/')
}

function onOne(statement: string): string {
  return statement
    .replace(/ ON CLUSTER `[\w.-]+`/, '')
    .replace(/^ENGINE = Replicated/m, 'ENGINE = ')
    .replace(/ replicated_deduplication_window_seconds = \d+(,|$)?/, '')
    .replace(/\breplicated_deduplication_window = (\d+),?/, 'non_replicated_deduplication_window = $1')
}
