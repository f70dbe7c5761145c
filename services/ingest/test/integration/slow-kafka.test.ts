import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { CloudEvent, IngestServiceClient, type PublishStreamResponse } from '@millrace/proto'
import { findFreePorts, type Kafka, startKafka } from '@millrace/scripts/local-stack'
import t, { type Test } from 'tap'
import {
  authorization,
  freshConfig,
  type RunningIngest,
  readEvents,
  startIngest,
  until,
  untilReady,
} from './running-ingest.ts'
import { type SlowProxy, startSlowProxy } from './slow-proxy.ts'

/** A Kafka of these tests' own behind a proxy, to be slowed down and paused. */
let kafka: Kafka
let proxy: SlowProxy
const directory = mkdtempSync(join(tmpdir(), 'millrace-slow-'))
t.before(async () => {
  const [client = 0, controller = 0] = await findFreePorts(2)
  proxy = await startSlowProxy(() => client)
  kafka = await startKafka({
    directory,
    ports: [{ client, controller }],
    settings: { 'advertised.listeners': `CLIENT://127.0.0.1:${proxy.port}` },
  })
})
t.teardown(async () => {
  await kafka.stop()
  await proxy.stop()
  await rm(directory, { recursive: true, force: true })
})

t.setTimeout(200_000)

/** The request's deadline lies far beyond the longest queue, so that it is never what refuses. */
async function startVictim(t: Test): Promise<RunningIngest> {
  const environment = { INGEST_MAX_QUEUE_MS: '1000', INGEST_REQUEST_TIMEOUT_MS: '30000' }
  const ingest = await startIngest(t, freshConfig(environment, `127.0.0.1:${proxy.port}`))
  await untilReady(ingest)
  return ingest
}

/** 20 kB that cannot be compressed. */
const event = (id: string) => ({ type: 'a', source: '/s', id, data: randomBytes(15_000).toString('base64') })

interface Outcome {
  readonly id: string
  readonly status: number
  readonly retryAfter: number
  readonly detail: string
}

async function send(ingest: RunningIngest, id: string): Promise<Outcome> {
  const response = await ingest.post(event(id))
  const { detail = '' } = (await response.json()) as { detail?: string }
  return { id, status: response.status, retryAfter: Number(response.headers.get('retry-after')), detail }
}

/** What does not get in says so by the queue, and asks to come back within a sensible time. */
function checkRefusals(t: Test, outcomes: readonly Outcome[]): void {
  const refused = outcomes.filter((it) => it.status !== 202)
  t.same([...new Set(refused.map((it) => it.status))], [503])
  t.same(
    [...new Set(refused.map((it) => it.detail))],
    ['Kafka is behind. Send the same request again a little later.'],
  )
  t.ok(refused.every((it) => it.retryAfter >= 1 && it.retryAfter <= 30))
}

async function checkStored(t: Test, ingest: RunningIngest, outcomes: readonly Outcome[]): Promise<void> {
  const stored = new Set((await readEvents(ingest.config)).flat().map(({ id }) => id))
  const accepted = outcomes.filter((it) => it.status === 202)
  t.same(
    accepted.filter(({ id }) => !stored.has(id)),
    [],
    'whatever was accepted is stored',
  )
}

t.test(
  'a Kafka that takes less than what comes: what would wait too long is refused, the rest gets in',
  async (t) => {
    const ingest = await startVictim(t)
    t.equal((await send(ingest, 'before')).status, 202)
    proxy.setRate(1_000_000)
    // More senders than what goes through in the longest queue: 4 MB wait at a time, for 4 s.
    const outcomes: Outcome[] = []
    let sent = 0
    const isOver = (): boolean =>
      outcomes.filter((it) => it.status === 503).length >= 50 &&
      outcomes.filter((it) => it.status === 202).length >= 50
    const sender = async (): Promise<void> => {
      while (!isOver()) {
        sent += 1
        outcomes.push(await send(ingest, `${sent}`))
      }
    }
    await Promise.all(Array.from({ length: 200 }, sender))
    checkRefusals(t, outcomes)
    proxy.setRate(Number.POSITIVE_INFINITY)
    let again: Outcome[] = []
    await until(async () => {
      again = await Promise.all(Array.from({ length: 20 }, (_, n) => send(ingest, `again-${n}`)))
      return again.every((it) => it.status === 202)
    }, 'all events are accepted again')
    await checkStored(t, ingest, [...outcomes, ...again])
  },
)

t.test(
  'a paused Kafka: every door refuses after the longest queue, and what waited is accepted when it goes on',
  async (t) => {
    const ingest = await startVictim(t)
    const client = new IngestServiceClient(
      `127.0.0.1:${ingest.service.grpcPort}`,
      credentials.createInsecure(),
    )
    t.teardown(() => client.close())
    const metadata = new Metadata()
    metadata.set('authorization', authorization)
    const grpcEvent = (id: string) => ({ ...CloudEvent.decode(Buffer.alloc(0)), type: 'a', source: '/s', id })
    const publish = (id: string): Promise<ServiceError | null> =>
      new Promise((resolve) => client.publish({ events: [grpcEvent(id)] }, metadata, resolve))
    const postback = { endpoint: { method: 'GET', url: 'https://partner.example/' }, data: [{}] }
    const stream = client.publishStream(metadata)
    const ended = once(stream, 'end')
    t.teardown(async () => {
      stream.end()
      await ended
    })
    const answers: PublishStreamResponse[] = []
    stream.on('data', (answer: PublishStreamResponse) => answers.push(answer))

    for (const accepted of [await send(ingest, 'before'), await ingest.post(postback, '/v1/postbacks')]) {
      t.equal(accepted.status, 202)
    }
    kafka.brokers[0]?.signal('SIGSTOP')
    t.teardown(() => kafka.brokers[0]?.signal('SIGCONT'))
    const early = Array.from({ length: 50 }, (_, n) => send(ingest, `early-${n}`))
    // So many that each partition has some: one that had none would be tried.
    const earlyPostbacks = Array.from({ length: 20 }, () => ingest.post(postback, '/v1/postbacks'))
    stream.write({ sequence: '1', events: [grpcEvent('stream-1')] })
    const queueSeconds = async (): Promise<number> => {
      const metrics = await (await ingest.operations('/metrics')).text()
      return Number(/^millrace_ingest_queue_seconds\{[^}]*\} (\S+)$/m.exec(metrics)?.[1])
    }
    // Not at once above the limit: it is the slowest partition's, and the other's first event came a little later.
    await until(async () => (await queueSeconds()) > 2, 'the queues are older than they may be')
    const late = await Promise.all(Array.from({ length: 50 }, (_, n) => send(ingest, `late-${n}`)))
    t.ok(late.every((it) => it.status === 503))
    checkRefusals(t, late)
    t.equal((await ingest.post(postback, '/v1/postbacks')).status, 503)
    const refused = await publish('refused')
    t.equal(refused?.code, status.UNAVAILABLE)
    t.match(refused?.metadata.get('retry-after')[0], /^\d+$/)
    stream.write({ sequence: '2', events: [grpcEvent('stream-2')] })
    await until(() => answers.length === 1, 'the stream refuses one')
    stream.write({ sequence: '3', events: [grpcEvent('stream-3')] })
    t.match(answers[0], { sequence: '2', outcome: { $case: 'refused', value: { retryable: true } } })

    kafka.brokers[0]?.signal('SIGCONT')
    const outcomes = await Promise.all(early)
    t.ok(outcomes.every((it) => it.status === 202))
    t.same([...new Set((await Promise.all(earlyPostbacks)).map((it) => it.status))], [202])
    await until(async () => (await send(ingest, 'after')).status === 202, 'events are accepted again')
    t.equal(await publish('after-too'), null)
    await until(() => answers.some(({ outcome }) => outcome?.$case === 'accepted'), 'the first is confirmed')
    await until(() => answers.some(({ sequence }) => sequence === '3'), 'the stream goes on by itself')
    t.ok(answers.some(({ sequence, outcome }) => sequence === '1' && outcome?.$case === 'accepted'))
    await checkStored(t, ingest, outcomes)
  },
)
