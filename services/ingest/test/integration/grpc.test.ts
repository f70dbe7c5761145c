import { once } from 'node:events'
import { connect } from 'node:http2'
import { type ClientDuplexStream, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import {
  CloudEvent,
  IngestServiceClient,
  type PublishResponse,
  PublishStreamRequest,
  type PublishStreamResponse,
} from '@millrace/proto'
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

type Stream = ClientDuplexStream<PublishStreamRequest, PublishStreamResponse>

const empty = CloudEvent.decode(Buffer.alloc(0))
const event = (id: string, rest: Partial<CloudEvent> = {}): CloudEvent => ({
  ...empty,
  type: 'a',
  source: '/s',
  id,
  ...rest,
})

async function startClient(
  t: Test,
  environment = {},
): Promise<{ ingest: RunningIngest; client: IngestServiceClient }> {
  const ingest = await startIngest(t, freshConfig(environment))
  await untilReady(ingest)
  const client = new IngestServiceClient(`127.0.0.1:${ingest.service.grpcPort}`, credentials.createInsecure())
  t.teardown(() => client.close())
  return { ingest, client }
}

function metadata(entries: Record<string, string> = { authorization }): Metadata {
  const result = new Metadata()
  for (const [name, value] of Object.entries(entries)) result.set(name, value)
  return result
}

function publish(
  client: IngestServiceClient,
  events: CloudEvent[],
  sent = metadata(),
): Promise<PublishResponse> {
  return new Promise((resolve, reject) => {
    client.publish({ events }, sent, (error, response) => (error ? reject(error) : resolve(response)))
  })
}

/** The answers of a stream as they come, and its error. */
function listen(stream: Stream): {
  answers: PublishStreamResponse[]
  errors: ServiceError[]
  ended: Promise<void>
} {
  const answers: PublishStreamResponse[] = []
  const errors: ServiceError[] = []
  stream.on('data', (answer: PublishStreamResponse) => answers.push(answer))
  stream.on('error', (error: ServiceError) => errors.push(error))
  const ended = new Promise<void>((resolve) => {
    stream.once('end', resolve)
    stream.once('error', () => resolve())
  })
  return { answers, errors, ended }
}

t.test('published events are in Kafka, their trace continued', async (t) => {
  const { ingest, client } = await startClient(t)
  const trace = 'a'.repeat(32)
  const sent = metadata({ authorization, traceparent: `00-${trace}-${'b'.repeat(16)}-01` })
  const data = Buffer.from('{"amount":1.10}')
  const answer = await publish(client, [event('1', { data }), event('2')], sent)
  t.same(answer, { accepted: 2, ids: ['1', '2'], stored: false })
  const events = (await readEvents(ingest.config)).flat()
  const first = events.find(({ id }) => id === '1')
  t.equal(first?.data.toString(), '{"amount":1.10}')
  t.match(first?.traceparent, new RegExp(`^00-${trace}-`))
})

t.test('refusals carry the status and the code of the problem', async (t) => {
  const { ingest, client } = await startClient(t, { INGEST_MAX_EVENTS: '5' })
  await t.rejects(publish(client, [event('1')], metadata({})), { code: status.UNAUTHENTICATED })
  await t.rejects(publish(client, [event('1')], metadata({ authorization: 'Bearer wrong-wrong-wrong' })), {
    code: status.UNAUTHENTICATED,
  })
  const faulty = await publish(client, [event('1'), event('2', { type: '' })]).catch(
    (error: ServiceError) => error,
  )
  t.match(faulty, { code: status.INVALID_ARGUMENT })
  const trailers = (faulty as ServiceError).metadata
  t.same(trailers.get('millrace-code'), ['invalid-request'])
  t.match(JSON.parse(String(trailers.get('millrace-faults-bin')[0])), [{ index: 1, pointer: '/type' }])
  await t.rejects(
    publish(
      client,
      Array.from({ length: 6 }, (_, n) => event(`${n}`)),
    ),
    {
      code: status.RESOURCE_EXHAUSTED,
    },
  )
  t.same((await readEvents(ingest.config)).flat(), [])
})

t.test('every request of a stream is answered by its sequence, accepted or refused', async (t) => {
  const { ingest, client } = await startClient(t)
  const stream = client.publishStream(metadata())
  const { answers, errors, ended } = listen(stream)
  for (let n = 0; n < 2_000; n += 1) {
    const rest = n % 100 === 7 ? { type: '' } : {}
    stream.write({ sequence: `${n}`, events: [event(`${n}`, rest)] })
  }
  stream.write({ sequence: '18446744073709551615', events: [event('last')] })
  stream.end()
  await ended
  t.same(errors, [])
  t.equal(answers.length, 2_001)
  const refused = answers.filter(({ outcome }) => outcome?.$case === 'refused')
  t.same(
    refused.map(({ sequence }) => Number(sequence) % 100),
    Array<number>(20).fill(7),
  )
  t.match(refused[0]?.outcome, {
    value: { code: 'invalid-request', retryable: false, faults: [{ index: 0, pointer: '/type' }] },
  })
  t.ok(answers.some(({ sequence }) => sequence === '18446744073709551615'))
  t.equal((await readEvents(ingest.config)).flat().length, 1_981)
})

t.test('a stream without a key is refused', async (t) => {
  const { client } = await startClient(t)
  const { errors, ended } = listen(client.publishStream(metadata({})))
  await ended
  t.match(errors, [{ code: status.UNAUTHENTICATED }])
})

t.test('a client that does not read its answers is read no further', async (t) => {
  const { ingest } = await startClient(t)
  // HTTP/2 itself: grpc-js reads ahead without end, also when nobody asks it for answers.
  const session = connect(`http://127.0.0.1:${ingest.service.grpcPort}`)
  t.teardown(() => session.destroy())
  const stream = session.request({
    ':method': 'POST',
    ':path': '/millrace.v1.IngestService/PublishStream',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization,
  })
  const total = 300
  const events = Array.from({ length: 100 }, (_, n) => event(`${n}-${'x'.repeat(500)}`))
  const sending = (async () => {
    for (let n = 0; n < total; n += 1) {
      if (!stream.write(frame({ sequence: `${n}`, events }))) await once(stream, 'drain')
    }
    stream.end()
  })()
  const acceptedSoFar = async (): Promise<number> => {
    const text = await (await ingest.operations('/metrics')).text()
    return Number(/events_accepted_total\{[^}]*\} (\d+)/.exec(text)?.[1])
  }
  let before = -1
  let same = 0
  await until(async () => {
    const now = await acceptedSoFar()
    same = now === before && now > 0 ? same + 1 : 0
    before = now
    return same >= 25
  }, 'reading stands still')
  t.ok(before < (total * 100) / 2, `${before} events were read`)
  stream.resume()
  await sending
  await until(async () => (await acceptedSoFar()) === total * 100, 'reading goes on to the end')
})

function frame(request: PublishStreamRequest): Buffer {
  const message = PublishStreamRequest.encode(request).finish()
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

t.test('a stop answers what was read and asks the client to connect again', async (t) => {
  const { ingest, client } = await startClient(t)
  const stream = client.publishStream(metadata())
  const { answers, errors, ended } = listen(stream)
  for (let n = 0; n < 50; n += 1) stream.write({ sequence: `${n}`, events: [event(`${n}`)] })
  await until(() => answers.length > 0, 'the first answer')
  await ingest.service.stop()
  await ended
  t.match(errors, [{ code: status.UNAVAILABLE }])
  const stored = new Set((await readEvents(ingest.config)).flat().map(({ id }) => id))
  for (const { sequence } of answers)
    if (!stored.has(sequence)) t.fail(`${sequence} was acknowledged and is not stored`)
})
