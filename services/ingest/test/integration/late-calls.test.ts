import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServiceError, status } from '@grpc/grpc-js'
import type { IngestServiceClient, PublishStreamResponse } from '@millrace/proto'
import { findFreePorts, type Kafka, startKafka } from '@millrace/scripts/local-stack'
import t, { type Test } from 'tap'
import { connectGrpc, grpcEvent, publish, withKey } from './issued-keys.ts'
import {
  authorization,
  freshConfig,
  type RunningIngest,
  readEvents,
  startIngest,
  until,
  untilReady,
} from './running-ingest.ts'

/** A Kafka of these tests' own, to be paused, and the one instance that they all ask. */
let kafka: Kafka
let ingest: RunningIngest
let client: IngestServiceClient
const directory = mkdtempSync(join(tmpdir(), 'millrace-late-'))
t.before(async () => {
  const [port = 0, controller = 0] = await findFreePorts(2)
  kafka = await startKafka({ directory, ports: [{ client: port, controller }] })
  const environment = { INGEST_REQUEST_TIMEOUT_MS: '20000', INGEST_MAX_QUEUE_MS: '15000' }
  ingest = await startIngest(t, freshConfig(environment, kafka.bootstrapServers))
  client = connectGrpc(t, ingest)
  await untilReady(ingest)
})
t.teardown(async () => {
  await kafka.stop()
  await rm(directory, { recursive: true, force: true })
})

t.setTimeout(120_000)

const key = withKey(authorization.slice('Bearer '.length))
const rootKey = authorization.slice('Bearer '.length)

function pauseKafka(t: Test): () => void {
  kafka.brokers[0]?.signal('SIGSTOP')
  const goOn = (): void => kafka.brokers[0]?.signal('SIGCONT')
  t.teardown(goOn)
  return goOn
}

async function gauge(name: string): Promise<number> {
  const metrics = await (await ingest.operations('/metrics')).text()
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(metrics)?.[1])
}

/** How a single event ends whose caller gives up by a deadline or, without one, when it is told to. */
function publishLate(id: string, deadlineMs?: number) {
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }
  let cancel = (): void => undefined
  const ended = new Promise<number>((resolve) => {
    const call = client.publish({ events: [grpcEvent(id)] }, key, options, (error: ServiceError | null) =>
      resolve(error?.code ?? status.OK),
    )
    cancel = () => call.cancel()
  })
  return { ended, cancel }
}

/** The same over a stream. */
function streamLate(ids: readonly string[], deadlineMs?: number) {
  const stream = client.publishStream(
    key,
    deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
  )
  const answers: PublishStreamResponse[] = []
  stream.on('data', (answer: PublishStreamResponse) => answers.push(answer))
  const ended = new Promise<number>((resolve) => {
    stream.on('error', ({ code }: ServiceError) => resolve(code))
    stream.on('end', () => resolve(status.OK))
  })
  for (const [at, id] of ids.entries()) stream.write({ sequence: `${at}`, events: [grpcEvent(id)] })
  return { ended, cancel: () => stream.cancel(), answers }
}

/** A broker that has just gone on may not know its partitions for a moment. */
async function storedIds(): Promise<string[]> {
  let stored: string[] | undefined
  await until(async () => {
    const events = await readEvents(ingest.config).catch(() => undefined)
    stored = events?.flat().map(({ id }) => id)
    return stored !== undefined
  }, 'the events can be read')
  return stored ?? []
}

t.test(
  'a call whose deadline passes or that is cancelled while Kafka stands still ends, and leaves nothing',
  async (t) => {
    await publish(client, rootKey, [grpcEvent('before')])
    const goOn = pauseKafka(t)
    const [late, cancelled] = [publishLate('late', 700), publishLate('cancelled')]
    const lateStream = streamLate(['stream-1', 'stream-2'], 700)
    const cancelledStream = streamLate(['stream-3', 'stream-4'])
    await until(async () => (await gauge('millrace_ingest_unconfirmed_bytes')) > 0, 'events wait')
    cancelled.cancel()
    cancelledStream.cancel()
    t.same(await Promise.all([late.ended, cancelled.ended, lateStream.ended, cancelledStream.ended]), [
      status.DEADLINE_EXCEEDED,
      status.CANCELLED,
      status.DEADLINE_EXCEEDED,
      status.CANCELLED,
    ])
    // Whose deadline is over is not worked for any more, although Kafka still stands.
    await until(async () => (await gauge('millrace_ingest_request_bytes')) < 6 * 5_000, 'the late are let go')
    goOn()
    for (const name of ['millrace_ingest_request_bytes', 'millrace_ingest_unconfirmed_bytes']) {
      await until(async () => (await gauge(name)) === 0, `${name} is 0`)
    }
    await publish(client, rootKey, [grpcEvent('after')])
    t.same([...lateStream.answers, ...cancelledStream.answers], [], 'nobody was told of a confirmation')
    const stored = await storedIds()
    t.ok(stored.includes('before') && stored.includes('after'), 'what was acked is in Kafka')
    t.equal(new Set(stored).size, stored.length, 'nothing was written twice')
  },
)

t.test(
  'callers that give up one after another leave nothing behind, and every ack is in Kafka',
  async (t) => {
    const goOn = pauseKafka(t)
    const calls = Array.from({ length: 200 }, (_, at) => publishLate(`given-up-${at}`, 50 + at))
    const codes = await Promise.all(calls.map(({ ended }) => ended))
    t.same([...new Set(codes)], [status.DEADLINE_EXCEEDED])
    await until(
      async () => (await gauge('millrace_ingest_request_bytes')) === 0,
      'their memory is given back',
    )
    const patient = Array.from({ length: 50 }, (_, at) => publishLate(`patient-${at}`, 15_000))
    goOn()
    t.same([...new Set(await Promise.all(patient.map(({ ended }) => ended)))], [status.OK])
    const stored = new Set(await storedIds())
    t.ok(Array.from({ length: 50 }, (_, at) => `patient-${at}`).every((id) => stored.has(id)))
  },
)

t.test('a deadline ends the wait for storage, which nobody does here', async (t) => {
  const metadata = key.clone()
  metadata.set('wait', 'stored')
  const code = await new Promise<number>((resolve) => {
    const options = { deadline: Date.now() + 500 }
    client.publish({ events: [grpcEvent('waits')] }, metadata, options, (error: ServiceError | null) =>
      resolve(error?.code ?? status.OK),
    )
  })
  t.equal(code, status.DEADLINE_EXCEEDED)
  await until(async () => (await gauge('millrace_ingest_request_bytes')) === 0, 'its memory is given back')
  t.ok((await storedIds()).includes('waits'))
})
