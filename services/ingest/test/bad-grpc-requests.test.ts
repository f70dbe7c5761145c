import { once } from 'node:events'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { createAuthenticator } from '@millrace/catalog/authenticate-key'
import { createKeyUsageBook } from '@millrace/catalog/key-usage'
import {
  CloudEvent,
  PublishRequest,
  PublishResponse,
  PublishStreamRequest,
  PublishStreamResponse,
} from '@millrace/proto'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import { createLogger } from '@millrace/service-kit/log'
import { Registry } from '@millrace/service-kit/metrics'
import { createReadiness } from '@millrace/service-kit/readiness'
import t, { type Test } from 'tap'
import { createAcceptEvents } from '../src/accept-events.ts'
import { createAcceptPlainEvents } from '../src/accept-plain-events.ts'
import type { EventProducer, PartitionedRecord } from '../src/event-producer.ts'
import { createIngestGrpc } from '../src/grpc.ts'
import { createIngestMetrics } from '../src/metrics.ts'
import { createRequestBudget } from '../src/request-budget.ts'
import { createRandom, mutate, seedOfRun } from './bad-input/random.ts'

const seed = seedOfRun()
t.comment(`BAD_INPUT_SEED=${seed}`)
// Seconds on an idle machine; many times that on one that is shared.
t.setTimeout(300_000)
// So that the runner hears of it.
t.comment('timeout=300000')
const unaryMutations = 1_000
const streamMutations = 200

const rootKey = 'root-key-of-the-tests'

interface GrpcUnderTest {
  readonly client: Client
  readonly appended: PartitionedRecord[]
}

/**
 * The gRPC door with everything behind it but Kafka.
 * @param confirmAt so many requests are confirmed at once; 0 for each by itself
 */
async function startDoor(t: Test, confirmAt = 0): Promise<GrpcUnderTest> {
  const held: (() => void)[] = []
  const appended: PartitionedRecord[] = []
  const append = async (records: readonly PartitionedRecord[]) => {
    appended.push(...records)
    return []
  }
  const appendFor: EventProducer['appendFor'] = (records, outcome) => {
    appended.push(...records)
    if (confirmAt === 0) outcome.confirmed([])
    else held.push(() => outcome.confirmed([]))
    if (held.length > 0 && held.length === confirmAt) for (const confirm of held.splice(0)) confirm()
  }
  const ingest = createIngestGrpc(
    {
      authenticator: createAuthenticator(rootKey),
      limits: createKeyUsageBook('sample'),
      requestBudget: createRequestBudget(1_000_000),
      acceptEvents: createAcceptEvents(
        { log: () => ({ producer: { append }, partitions: 4 }), checkEvent: () => undefined },
        { maxEventBytes: 4_000 },
      ),
      acceptPlainEvents: createAcceptPlainEvents(
        { log: () => ({ producer: { appendFor }, partitions: 4 }), isUnchecked: () => true },
        { maxEvents: 100, maxEventBytes: 4_000 },
      ),
      storedWatch: { until: async () => true },
      metrics: createIngestMetrics(new Registry(), {
        requestBytes: () => 0,
        unconfirmedBytes: () => 0,
        queueMs: () => 0,
      }),
      logger: createLogger('ingest', 'silent'),
      now: () => 1_700_000_000_000_001,
      newId: () => 'new-id',
    },
    { maxBodyBytes: 10_000, maxEvents: 100, requestTimeoutMs: 5_000 },
  )
  const door = await startGrpcDoor(
    { readiness: createReadiness([]) },
    { grpcHost: '127.0.0.1', grpcPort: 0 },
    [ingest.service],
  )
  const client = new Client(`127.0.0.1:${door.port}`, credentials.createInsecure())
  t.teardown(async () => {
    client.close()
    await door.stop(1_000)
  })
  return { client, appended }
}

function metadata(entries: Record<string, string> = {}): Metadata {
  const result = new Metadata()
  for (const [name, value] of Object.entries({ authorization: `Bearer ${rootKey}`, ...entries }))
    result.set(name, value)
  return result
}

const asIs = (bytes: Buffer): Buffer => bytes

interface Outcome {
  readonly code: status
  readonly details: string
  readonly accepted: number
}

function publish(client: Client, message: Buffer, sent = metadata()): Promise<Outcome> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/millrace.v1.IngestService/Publish',
      asIs,
      asIs,
      message,
      sent,
      (error, answer) =>
        resolve({
          code: error?.code ?? status.OK,
          details: error?.details ?? '',
          accepted: answer === undefined ? 0 : PublishResponse.decode(answer).accepted,
        }),
    )
  })
}

const empty = CloudEvent.decode(Buffer.alloc(0))
const good: CloudEvent[] = [
  {
    ...empty,
    ...{ id: '1', source: '/s', type: 'a', subject: 'eu/7', time: { seconds: 1_700_000_000, nanos: 5_000 } },
    dataSchema: 'https://schemas.example/1',
    extensions: {
      n: { value: { $case: 'integer', value: -7 } },
      t: { value: { $case: 'text', value: 'å' } },
    },
    data: Buffer.from('{"amount":1.10}'),
  },
  { ...empty, type: 'b', dataContentType: 'image/png', data: Buffer.from([0, 1, 2]) },
]
const encode = (events: CloudEvent[]): Buffer => Buffer.from(PublishRequest.encode({ events }).finish())

t.test(
  'a request beyond the limits is refused by its size, and nothing of its events is decoded',
  async (t) => {
    const { client, appended } = await startDoor(t)
    // Malformed where only a decoder would look.
    const events = (field: number, count: number): Buffer =>
      Buffer.concat(Array.from({ length: count }, () => Buffer.from([(field << 3) | 2, 1, 0xff])))
    t.match(await publish(client, events(1, 101)), {
      code: status.RESOURCE_EXHAUSTED,
      details: /at most 100 events/,
    })
    t.match(await publish(client, events(1, 100)), { code: status.INVALID_ARGUMENT })
    const large = encode([{ ...empty, type: 'a', data: Buffer.alloc(10_000) }])
    t.match(await publish(client, large), { code: status.RESOURCE_EXHAUSTED, details: /at most 10000 bytes/ })
    const stream = client.makeBidiStreamRequest(
      '/millrace.v1.IngestService/PublishStream',
      asIs,
      PublishStreamResponse.decode,
      metadata(),
    )
    stream.write(Buffer.concat([Buffer.from([8, 7]), events(2, 101)]))
    const [answer] = await once(stream, 'data')
    t.match(answer, { sequence: '7', outcome: { value: { code: 'too-large' } } })
    stream.end()
    t.equal(appended.length, 0)
  },
)

t.test('each bad message is INVALID_ARGUMENT that says what to change', async (t) => {
  const { client, appended } = await startDoor(t)
  const one = (rest: Partial<CloudEvent>): Buffer => encode([...good, { ...empty, type: 'a', ...rest }])
  // A map's entry whose key JavaScript would take for the prototype; no encoder in JavaScript makes it.
  const entry = Buffer.from([0x0a, 9, ...Buffer.from('__proto__'), 0x12, 3, 0x0a, 1, 0x61])
  const withProto = Buffer.from([0x22, 1, 0x61, 0x4a, entry.length, ...entry])
  for (const [what, message] of [
    ['no message', Buffer.from([0xff])],
    ['a message that ends too early', encode(good).subarray(0, -1)],
    [
      'a text that is no UTF-8',
      replaced(one({ subject: 'subject-to-replace' }), 'replace', Buffer.alloc(7, 0xff)),
    ],
    ['a time that no number holds', one({ time: { seconds: Number.MAX_SAFE_INTEGER, nanos: 0 } })],
    ['nanoseconds of several seconds', one({ time: { seconds: 1, nanos: 2_000_000_000 } })],
    ['a NUL', one({ id: 'a\0b' })],
    ['an extension without a value', one({ extensions: { a: { value: undefined } } })],
    [
      'an extension called __proto__',
      Buffer.concat([encode(good), Buffer.from([0x0a, withProto.length]), withProto]),
    ],
    ['data that is not the JSON it says', one({ data: Buffer.from('{') })],
    ['data that nests too deep', one({ data: Buffer.from('['.repeat(3_000)) })],
  ] as const) {
    const outcome = await publish(client, message)
    t.equal(outcome.code, status.INVALID_ARGUMENT, `${what}: ${outcome.details}`)
    t.ok(outcome.details.length > 20, outcome.details)
  }
  t.equal(
    (await publish(client, encode(good), metadata({ wait: 'queryable' }))).code,
    status.INVALID_ARGUMENT,
  )
  t.equal((await publish(client, one({ data: Buffer.alloc(20_000, ' ') }))).code, status.RESOURCE_EXHAUSTED)
  t.equal((await publish(client, encode(Array(101).fill(good[1])))).code, status.RESOURCE_EXHAUSTED)
  t.equal((await publish(client, Buffer.alloc(17 * 1024 * 1024))).code, status.RESOURCE_EXHAUSTED)
  t.same(appended, [])
  t.match(await publish(client, encode(good)), { code: status.OK, accepted: 2 })
})

t.test('mutated messages are accepted whole or refused, never a fault of ours', async (t) => {
  const { client, appended } = await startDoor(t)
  let refused = 0
  for (let n = 0; n < unaryMutations; n += 1) {
    const before = appended.length
    const message = mutate(encode(good), createRandom(seed + n))
    const { code, details, accepted } = await publish(client, message)
    const isFine =
      code === status.OK || code === status.INVALID_ARGUMENT || code === status.RESOURCE_EXHAUSTED
    if (!isFine || appended.length - before !== accepted)
      t.fail(`BAD_INPUT_SEED=${seed} message ${n}: ${status[code]} ${details}`, {
        message: message.toString('hex'),
      })
    if (code !== status.OK) refused += 1
  }
  t.ok(refused > unaryMutations / 3, `${refused} of ${unaryMutations} were refused`)
})

t.test('a stream answers what came before a mutated message, and ends or goes on', async (t) => {
  const { client } = await startDoor(t)
  let answered = 0
  for (let n = 0; n < streamMutations; n += 1) {
    const request = (sequence: string): Buffer =>
      Buffer.from(PublishStreamRequest.encode({ sequence, events: good }).finish())
    const stream = client.makeBidiStreamRequest(
      '/millrace.v1.IngestService/PublishStream',
      asIs,
      asIs,
      metadata(),
    )
    const answers: PublishStreamResponse[] = []
    stream.on('data', (bytes: Buffer) => answers.push(PublishStreamResponse.decode(bytes)))
    const ended = new Promise<ServiceError | undefined>((resolve) => {
      stream.on('error', resolve)
      stream.on('end', () => resolve(undefined))
    })
    stream.write(request('1'))
    stream.write(mutate(request('2'), createRandom(seed + n)))
    stream.end(request('3'))
    const error = await ended
    const fault =
      error !== undefined &&
      error.code !== status.INVALID_ARGUMENT &&
      error.code !== status.RESOURCE_EXHAUSTED
    const first = answers.find(({ sequence }) => sequence === '1')
    if (fault || first?.outcome?.$case !== 'accepted' || (error === undefined && answers.length !== 3))
      t.fail(`BAD_INPUT_SEED=${seed} stream ${n}: ${error?.message}, ${answers.length} answers`)
    answered += answers.length
  }
  t.ok(answered >= streamMutations, `${answered} answers`)
})

t.test(
  'what one message of Kafka confirms is answered whole and in order, and then the stream ends',
  async (t) => {
    // What the door’s budget has room for.
    const count = 150
    const { client } = await startDoor(t, count)
    const stream = client.makeBidiStreamRequest(
      '/millrace.v1.IngestService/PublishStream',
      asIs,
      PublishStreamResponse.decode,
      metadata(),
    )
    const answers: PublishStreamResponse[] = []
    stream.on('data', (answer: PublishStreamResponse) => answers.push(answer))
    for (let n = 1; n <= count; n += 1) {
      const events = [{ ...empty, id: `e${n}`, source: '/s', type: 'a' }]
      stream.write(Buffer.from(PublishStreamRequest.encode({ sequence: String(n), events }).finish()))
    }
    stream.end()
    await once(stream, 'end')
    t.same(
      answers.map(({ sequence, outcome }) => [
        sequence,
        outcome?.$case === 'accepted' ? outcome.value.ids : outcome,
      ]),
      Array.from({ length: count }, (_, n) => [String(n + 1), [`e${n + 1}`]]),
    )
  },
)

function replaced(message: Buffer, text: string, by: Buffer): Buffer {
  const at = message.indexOf(text)
  return Buffer.concat([message.subarray(0, at), by, message.subarray(at + text.length)])
}
