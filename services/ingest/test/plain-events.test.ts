import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { createAuthenticator, type Principal } from '@millrace/catalog/authenticate-key'
import { ServiceError } from '@millrace/service-kit/errors'
import type { RateLimitAnswer } from '@millrace/service-kit/rate-limit-http'
import t, { type Test } from 'tap'
import { createAcceptPlainEvents } from '../src/accept-plain-events.ts'
import type { EventProducer } from '../src/event-producer.ts'
import type { IngestHttpDeps } from '../src/http.ts'
import { createRequestBudget } from '../src/request-budget.ts'
import { startSampleHttp } from './sample-doors.ts'

interface Door {
  readonly port: number
  /** Requests that came to the framework. */
  readonly framed: () => number
  readonly heldBytes: () => number
}

const key = 'Bearer key-1'
/** Has constraints. */
const visitsKey = 'Bearer key-2'
const behind = new ServiceError('unavailable', 'Kafka is behind.', { retryAfterSeconds: 7 })
const appendFor: EventProducer['appendFor'] = (records, outcome) => {
  if (records.some(({ bytes }) => Buffer.from(bytes).includes('behind'))) outcome.failed(behind)
  else outcome.confirmed([])
}
const batchType = 'application/cloudevents-batch+json'
const singleType = 'application/cloudevents+json'
const event = (id: string): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/a', type: 'visit', data: { n: 1.1 } })
const batch = (count: number): string =>
  `[${Array.from({ length: count }, (_, at) => event(`e${at}`)).join()}]`

async function startDoor(t: Test, overrides: Partial<IngestHttpDeps> = {}): Promise<Door> {
  const principal: Principal = {
    tenant: 'acme',
    application: 'shop',
    scopes: new Set(['events:write']),
    keyId: 'key_1',
  }
  const constrained = { ...principal, constraints: { eventTypes: ['visit'] } }
  const others = createAuthenticator('root-key-of-the-tests')
  const budget = createRequestBudget(150_000)
  const { app } = await startSampleHttp(
    t,
    {
      authenticator: {
        authenticate(authorization, scope) {
          if (authorization === key) return principal
          return authorization === visitsKey ? constrained : others.authenticate(authorization, scope)
        },
      },
      limits: { take: () => limit(999), charge: (_principal, tokens) => limit(999 - tokens) },
      acceptEvents: async (events) => {
        if (events.some(({ type }) => type === 'fail')) throw new Error('a fault of our own')
        if (events.some(({ id }) => id === 'behind')) throw behind
        return { ids: events.map(({ id }) => id), positions: [] }
      },
      acceptPlainEvents: createAcceptPlainEvents(
        {
          log: () => ({ partitions: 3, producer: { appendFor } }),
          isUnchecked: (_tenant, type) => type === 'visit',
        },
        { maxEvents: 100, maxEventBytes: 1_000 },
      ),
      requestBudget: budget,
      ...overrides,
    },
    { maxBodyBytes: 200_000 },
  )
  let framed = 0
  app.addHook('onRequest', (_request, _reply, done) => {
    framed += 1
    done()
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { port, framed: () => framed, heldBytes: budget.heldBytes }
}

const limit = (remaining: number): RateLimitAnswer => ({
  admitted: true,
  quota: 1_000,
  windowSeconds: 1,
  remaining,
  resetSeconds: 1,
  retryAfterSeconds: 1,
})

/** Everything that comes back over a connection on which the sender is done. */
async function send(port: number, pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  const answer: Buffer[] = []
  socket.on('data', (piece) => answer.push(piece))
  await once(socket, 'connect')
  for (const piece of pieces) await new Promise<unknown>((resolve) => socket.write(piece, resolve))
  await once(socket, 'close')
  return Buffer.concat(answer)
    .toString()
    .replace(/\r\ndate: [^\r]*/i, '')
}

function request(contentType: string, body: string | Buffer, ...headers: string[]): string {
  const lines = [
    'POST /v1/events HTTP/1.1',
    'host: a',
    'connection: close',
    'x-request-id: r-1',
    `content-type: ${contentType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    ...headers,
  ]
  return [...lines, '', ''].join('\r\n')
}

const mine = `authorization: ${key}`

t.test('plain requests are answered as the framework answers them, byte for byte', async (t) => {
  const { port, framed, heldBytes } = await startDoor(t)
  // Means nothing, but is not plain any more.
  const unusual = 'prefer: respond-async'
  const requests: [what: string, contentType: string, body: string | Buffer][] = [
    ['one event', singleType, event('1')],
    ['a batch', batchType, batch(20)],
    ['plain JSON', 'application/json', '{"type":"visit"}'],
    ['an array of plain JSON', 'application/json', '[{"type":"visit"},{"type":"visit","id":"ö"}]'],
    ['a batch in several pieces', batchType, batch(100)],
    ['no JSON', singleType, '{"specversion":'],
    ['no UTF-8', singleType, Buffer.from([0x7b, 0xff, 0x7d])],
    ['faults', batchType, '[{"specversion":"2"},3]'],
    ['a name twice', singleType, event('1').replace('{', '{"id":"2",')],
    ['an array instead of an event', singleType, batch(1)],
    ['an event instead of an array', batchType, event('1')],
    ['too many', batchType, batch(101)],
    ['an attribute beyond ASCII', singleType, event('ö')],
    ['an id that is no text', singleType, event('1').replace('"1"', '1')],
    ['Kafka is behind', singleType, event('behind')],
    ['a fault of ours', singleType, event('1').replace('visit', 'fail')],
    ['a body beyond the budget', batchType, `${' '.repeat(160_000)}[]`],
  ]
  for (const [at, [what, contentType, body]] of requests.entries()) {
    // With the same key, and with one that has constraints: their types and subjects are asked on the way.
    for (const [which, by] of [mine, `authorization: ${visitsKey}`].entries()) {
      const plain = await send(port, [request(contentType, body, by), body])
      t.equal(framed(), 2 * at + which, what)
      t.equal(plain, await send(port, [request(contentType, body, by, unusual), body]), what)
      t.match(plain, /^HTTP\/1\.1 [2-5]\d\d .*\r\nx-request-id: r-1\r\nratelimit-policy: /s, what)
    }
  }
  t.equal(heldBytes(), 0)
})

t.test('what is unusual goes on to the framework untouched', async (t) => {
  const door = await startDoor(t)
  const body = event('1')
  const chunked = request(singleType, body, mine, 'transfer-encoding: chunked').replace(
    /content-length.*\r\n/,
    '',
  )
  const unusual: [what: string, status: number, pieces: string[]][] = [
    ['no key', 401, [request(singleType, body), body]],
    ['another key', 401, [request(singleType, body, 'authorization: Bearer key-3'), body]],
    ['another type', 415, [request('text/plain', body, mine), body]],
    ['a coding', 415, [request(singleType, body, mine, 'content-encoding: lzma'), body]],
    ['a time to wait', 202, [request(singleType, body, mine, 'prefer: wait=5'), body]],
    ['a query', 400, [request(singleType, body, mine).replace('/v1/events', '/v1/events?a=b'), body]],
    ['nothing in it', 400, [request(singleType, '', mine)]],
    ['no length', 202, [chunked, `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`]],
    ['too large', 413, [request(singleType, ' '.repeat(200_001), mine)]],
    [
      'binary mode',
      202,
      [
        request(
          'application/json',
          '{}',
          mine,
          'ce-specversion: 1.0',
          'ce-id: 1',
          'ce-source: a',
          'ce-type: visit',
        ),
        '{}',
      ],
    ],
  ]
  for (const [at, [what, status, pieces]] of unusual.entries()) {
    t.match(await send(door.port, pieces), new RegExp(`^HTTP/1\\.1 ${status} `), what)
    t.equal(door.framed(), at + 1, what)
  }
  // Refused before a hook of ours could count it.
  const homeless = request(singleType, body, mine).replace('host: a\r\n', '')
  t.match(await send(door.port, [homeless, body]), /^HTTP\/1\.1 400 .*no header host/s)
  const waiting = await send(door.port, [request(singleType, body, mine, 'expect: 100-continue'), body])
  t.match(waiting, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 202 /)
})

t.test('a key over its limit is told so by the framework, once', async (t) => {
  let asked = 0
  const take: IngestHttpDeps['limits']['take'] = () => {
    asked += 1
    return {
      admitted: false,
      quota: 1,
      windowSeconds: 1,
      remaining: 0,
      resetSeconds: 3,
      retryAfterSeconds: 3,
    }
  }
  const door = await startDoor(t, { limits: { take, charge: () => undefined } })
  const answer = await send(door.port, [request(singleType, event('1'), mine), event('1')])
  t.match(answer, /^HTTP\/1\.1 429 .*retry-after: 3\r\n/s)
  t.equal(asked, 2)
})

t.test('a sender who goes in the middle of a body leaves nothing behind', async (t) => {
  const door = await startDoor(t)
  const socket = connect(door.port, '127.0.0.1')
  socket.write(request(batchType, ' '.repeat(100_000), mine))
  socket.write(' '.repeat(50_000))
  while (door.heldBytes() < 50_000) await new Promise((resolve) => setImmediate(resolve))
  socket.destroy()
  while (door.heldBytes() > 0) await new Promise((resolve) => setImmediate(resolve))
  const answer = await send(door.port, [request(singleType, event('1'), mine), event('1')])
  t.match(answer, /^HTTP\/1\.1 202 /)
})

t.test('who shows no good key gets no room for a body, however long it takes to come', async (t) => {
  const door = await startDoor(t)
  for (const by of ['authorization: Bearer wrong', 'x-nothing: 1']) {
    for (const length of ['content-length: 16000', 'transfer-encoding: chunked']) {
      const socket = connect(door.port, '127.0.0.1')
      t.teardown(() => socket.destroy())
      const head = request(singleType, '', by).replace('content-length: 0', length)
      socket.write(head)
      const [answer] = (await once(socket, 'data')) as [Buffer]
      t.match(answer.toString(), /^HTTP\/1\.1 401 /, `${by}, ${length}`)
      t.equal(door.heldBytes(), 0)
    }
  }
})
