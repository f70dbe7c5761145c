// How soon a revoked key is refused everywhere: two instances of ingest and one of query, asked all the time.
//   node scripts/bench/ingest-revocation.ts
import { setTimeout as delay } from 'node:timers/promises'
import { type BenchMesh, type BenchService, startBenchMesh } from './bench-mesh.ts'

const keys = 40

interface Issued {
  readonly id: string
  readonly key: string
}

/** Asks one instance with a key; tells whether it is still let in. */
type Ask = (key: string) => Promise<boolean>

const mesh = await startBenchMesh()
try {
  const aggregator = await mesh.start('aggregator')
  const [one, other, query] = await Promise.all([
    mesh.start('ingest'),
    mesh.start('ingest'),
    mesh.start('query', { AGGREGATOR_ADDRESSES: aggregator.grpc }),
  ])
  const asks: Record<string, Ask> = {
    'the instance that was told': askIngest(one),
    'another ingest': askIngest(other),
    query: askQuery(query),
  }
  const times = Object.fromEntries(Object.keys(asks).map((name) => [name, [] as number[]]))
  for (let round = 0; round < keys; round += 1) {
    const issued = await issue(mesh, one)
    for (const ask of Object.values(asks)) while (!(await ask(issued.key))) await delay(5)
    const revoked = revoke(mesh, one, issued)
    await Promise.all(
      Object.entries(asks).map(async ([name, ask]) => {
        const answeredMs = await revoked
        while (await ask(issued.key)) await delay(1)
        times[name]?.push(performance.now() - answeredMs)
      }),
    )
  }
  console.log(`from the answer to DELETE /v1/keys until refused, ${keys} keys`)
  for (const [name, found] of Object.entries(times)) {
    const sorted = found.sort((a, b) => a - b)
    const [median, highest] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)]
    console.log(`  ${name.padEnd(28)} median ${median?.toFixed(0)} ms, at most ${highest?.toFixed(0)} ms`)
  }
} finally {
  await mesh.stop()
}

async function issue({ key }: BenchMesh, ingest: BenchService): Promise<Issued> {
  const response = await fetch(`${ingest.httpUrl}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ application: 'bench', scopes: ['events:write', 'catalog:read'] }),
  })
  if (response.status !== 201) throw new Error(`no key was issued: ${await response.text()}`)
  return (await response.json()) as Issued
}

/** Resolves with when it was answered. */
async function revoke({ key }: BenchMesh, ingest: BenchService, { id }: Issued): Promise<number> {
  const response = await fetch(`${ingest.httpUrl}/v1/keys/${id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${key}` },
  })
  if (response.status !== 200) throw new Error(`the key was not revoked: ${await response.text()}`)
  return performance.now()
}

function askIngest({ httpUrl }: BenchService): Ask {
  // Refused for its empty body, but only with a key that is good.
  return (key) => isLetIn(`${httpUrl}/v1/events`, key, 'POST')
}

function askQuery({ httpUrl }: BenchService): Ask {
  return (key) => isLetIn(`${httpUrl}/v1/event-types`, key, 'GET')
}

async function isLetIn(url: string, key: string, method: string): Promise<boolean> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(method === 'POST' && { 'content-type': 'application/json' }),
    },
  })
  await response.arrayBuffer()
  return response.status !== 401
}
