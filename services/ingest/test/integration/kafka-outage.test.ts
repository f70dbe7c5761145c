import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kafka, startKafka } from '@millrace/scripts/local-stack'
import t, { type Test } from 'tap'
import type { IngestConfig } from '../../src/config.ts'
import {
  freshConfig,
  type RunningIngest,
  readEvents,
  startIngest,
  until,
  untilReady,
} from './running-ingest.ts'

const requestTimeoutMs = 3_000

/** A Kafka of these tests' own, to be killed. */
let kafka: Kafka
const directory = mkdtempSync(join(tmpdir(), 'millrace-outage-'))
t.before(async () => {
  kafka = await startKafka({ directory })
})
t.teardown(async () => {
  await kafka.stop()
  await rm(directory, { recursive: true, force: true })
})

function victimConfig(): IngestConfig {
  return freshConfig({ INGEST_REQUEST_TIMEOUT_MS: String(requestTimeoutMs) }, kafka.bootstrapServers)
}

const event = (id: string) => ({ type: 'a', source: '/s', id })
const meter = { eventTypes: ['a'], aggregation: 'count' }
const postback = { endpoint: { method: 'GET', url: 'https://partner.example/' }, data: [{}] }

/** Every door that writes answers 503 with retry-after, within the request's deadline. */
async function refusesAll(t: Test, ingest: RunningIngest): Promise<void> {
  const calls = [
    () => ingest.post(event('refused')),
    () => ingest.post(postback, '/v1/postbacks'),
    () => ingest.put('/v1/meters/m', meter),
  ]
  for (const call of calls) {
    const startedAt = Date.now()
    const response = await call()
    t.equal(response.status, 503)
    t.match(response.headers.get('retry-after'), /^\d+$/)
    t.equal(response.headers.get('content-type'), 'application/problem+json')
    t.ok(Date.now() - startedAt < requestTimeoutMs + 1_000, `${Date.now() - startedAt} ms`)
  }
}

t.setTimeout(120_000)

t.test('without Kafka at the start the doors say so, and work as soon as it comes', async (t) => {
  await kafka.kill()
  const ingest = await startIngest(t, victimConfig())
  t.equal((await ingest.operations('/healthz/live')).status, 200)
  const ready = await ingest.operations('/healthz/ready')
  t.equal(ready.status, 503)
  t.match(await ready.json(), { missing: { kafka: /./, catalog: /./ } })
  await refusesAll(t, ingest)
  t.equal((await ingest.post({ type: 1 })).status, 400, 'what is wrong anyway is told without Kafka')
  await kafka.restart()
  await untilReady(ingest)
  t.equal((await ingest.operations('/healthz/ready')).status, 200)
  await until(async () => (await ingest.post(event('1'))).status === 202, 'events are accepted')
  await until(
    async () => (await ingest.post(postback, '/v1/postbacks')).status === 202,
    'postbacks are accepted',
  )
  await until(async () => (await ingest.put('/v1/meters/m', meter)).ok, 'the catalog is written')
})

t.test(
  'while Kafka is away nothing is claimed accepted, and all goes on by itself when it is back',
  async (t) => {
    const config = victimConfig()
    const ingest = await startIngest(t, config)
    await untilReady(ingest)
    const claimed: string[] = []
    const send = async (id: string): Promise<number> => {
      const { status } = await ingest.post(event(id))
      if (status === 202) claimed.push(id)
      return status
    }
    t.equal(await send('before'), 202)
    t.equal((await ingest.put('/v1/meters/m', meter)).status, 201)
    for (const outage of [1, 2]) {
      // Killed under load, so that requests are under way.
      const load = Array.from({ length: 50 }, (_, n) => send(`${outage}-${n}`))
      await kafka.kill()
      const statuses = new Set(await Promise.all(load))
      statuses.delete(202)
      statuses.delete(503)
      t.same([...statuses], [], 'accepted or 503, nothing else')
      await refusesAll(t, ingest)
      await until(async () => (await ingest.operations('/healthz/ready')).status === 503, 'not ready')
      await kafka.restart()
      await untilReady(ingest)
      await until(async () => (await send(`after-${outage}`)) === 202, 'events are accepted again')
      const changed = { ...meter, description: `after ${outage}` }
      await until(
        async () => (await ingest.put('/v1/meters/m', changed)).status === 200,
        'the catalog is written again',
      )
    }
    const stored = new Set((await readEvents(config)).flat().map(({ id }) => id))
    t.same(
      claimed.filter((id) => !stored.has(id)),
      [],
      'whatever was accepted is stored',
    )
  },
)
