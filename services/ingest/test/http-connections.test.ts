import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { IngestHttpConfig } from '../src/http.ts'
import { authorization, type SampleHttp, startSampleHttp } from './sample-doors.ts'

async function listen(t: Test, limits: Partial<IngestHttpConfig>): Promise<SampleHttp> {
  const sample = await startSampleHttp(t, {}, limits)
  await sample.app.listen({ port: 0, host: '127.0.0.1' })
  return sample
}

function dial(t: Test, app: FastifyInstance): Socket {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  return socket
}

/** What comes until the connection is closed, in whatever way. */
async function readAll(socket: Socket): Promise<string> {
  const pieces: Buffer[] = []
  socket.on('data', (piece) => pieces.push(piece))
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(pieces).toString()
}

const event = '{"type":"a","id":"1"}'
const head = (...headers: string[]): string =>
  ['POST /v1/events HTTP/1.1', 'host: a', `authorization: ${authorization}`, ...headers, '', ''].join('\r\n')
const json = 'content-type: application/json'

t.test('headers that trickle in are answered with 408 and cut off', async (t) => {
  const { app } = await listen(t, { headersTimeoutMs: 200, receiveTimeoutMs: 5_000 })
  const socket = dial(t, app)
  socket.write('POST /v1/events HTTP/1.1\r\nhost: a\r\n')
  const trickle = setInterval(() => socket.write('a'), 20)
  t.teardown(() => clearInterval(trickle))
  const answer = await readAll(socket)
  t.match(answer, /^HTTP\/1.1 408 .*application\/problem\+json.*did not arrive in time/s)
})

t.test('a body that trickles in is answered with 408 and cut off, and accepted in no part', async (t) => {
  for (const length of ['content-length: 1000', 'transfer-encoding: chunked']) {
    const { app, accepted } = await listen(t, { headersTimeoutMs: 200, receiveTimeoutMs: 400 })
    const socket = dial(t, app)
    socket.write(head('content-type: application/x-ndjson', length))
    const trickle = setInterval(
      () => socket.write(length.startsWith('content') ? '{}\n' : '3\r\n{}\n\r\n'),
      20,
    )
    t.teardown(() => clearInterval(trickle))
    t.match(await readAll(socket), /^HTTP\/1.1 408 .*application\/problem\+json/s, length)
    t.same(accepted, [])
  }
})

t.test('connections above their number are closed at once', async (t) => {
  const { app } = await listen(t, { maxConnections: 2 })
  const kept = [dial(t, app), dial(t, app)]
  for (const socket of kept) {
    socket.write('GET /ping HTTP/1.1\r\nhost: a\r\n\r\n')
    t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 200/)
  }
  t.equal(await readAll(dial(t, app)), '')
  kept[0]?.destroy()
  await once(kept[0] as Socket, 'close')
  // The server learns of it by itself; as soon as it has, another one gets in.
  const retry = async (): Promise<string> => {
    const socket = dial(t, app)
    socket.end('GET /ping HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    return (await readAll(socket)) || retry()
  }
  t.match(await retry(), /^HTTP\/1.1 200/)
})

t.test('a refusal is read by who is still sending, who is then cut off', async (t) => {
  const { app } = await listen(t, {})
  const socket = dial(t, app)
  socket.write(head(json, 'transfer-encoding: chunked'))
  const chunk = `1000\r\n${'a'.repeat(4_096)}\r\n`
  let sent = 0
  const send = (): void => {
    while (!socket.destroyed && socket.write(chunk)) sent += chunk.length
    if (!socket.destroyed) socket.once('drain', send)
  }
  send()
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.match(String(answer), /^HTTP\/1.1 413 .*more than 10000 bytes/s)
  await new Promise((resolve) => socket.once('close', resolve))
  t.ok(sent < 50_000_000, `${sent} bytes were sent`)
})

t.test('a body is asked for only once it is to be read', async (t) => {
  const { app, accepted } = await listen(t, {})
  const expect = 'expect: 100-continue'
  const patient = dial(t, app)
  patient.write(head(json, expect, `content-length: ${event.length}`))
  t.match(String((await once(patient, 'data'))[0]), /^HTTP\/1.1 100 Continue\r\n\r\n$/)
  patient.write(event)
  const answer = String((await once(patient, 'data'))[0])
  t.match(answer, /^HTTP\/1.1 202/)
  t.notMatch(answer, /connection: close/i)
  t.equal(accepted.length, 1)
  for (const [status, ...headers] of [
    ['413', json, 'content-length: 20000'],
    ['415', 'content-type: text/plain', 'content-length: 20'],
    ['415', json, 'content-encoding: lzma', 'content-length: 20'],
  ] as const) {
    const refused = dial(t, app)
    refused.write(head(expect, ...headers))
    t.match(
      await readAll(refused),
      new RegExp(`^HTTP/1.1 ${status} .*connection: close.*problem\\+json`, 'is'),
    )
  }
})

t.test('other expectations are a problem document', async (t) => {
  const { app } = await listen(t, {})
  const socket = dial(t, app)
  socket.write(head(json, 'expect: a-miracle', `content-length: ${event.length}`))
  t.match(await readAll(socket), /^HTTP\/1.1 417 .*application\/problem\+json.*100-continue/s)
})

t.test(
  'lengths that contradict each other are refused, and no second request is read into the first',
  async (t) => {
    const { app, accepted } = await listen(t, {})
    const smuggled = head(json, 'content-length: 2')
    for (const headers of [
      ['content-length: 21', 'content-length: 5'],
      ['content-length: 21', 'transfer-encoding: chunked'],
      ['transfer-encoding: chunked', 'transfer-encoding: identity'],
      ['transfer-encoding: xchunked', 'content-length: 21'],
      ['transfer-encoding: gzip, chunked'],
      ['content-length: +21'],
      ['content-length: 0x15'],
      ['content-length: 99999999999999999999'],
      ['content-length : 21'],
      ['transfer-encoding:\r\n chunked'],
      ['x: a\r\n folded: yes', 'content-length: -1'],
    ]) {
      const socket = dial(t, app)
      socket.end(`${head(json, ...headers)}${event}${smuggled}{}`)
      const answer = await readAll(socket)
      t.match(answer, /^HTTP\/1.1 4\d\d .*application\/problem\+json/is, headers.join(', '))
      t.equal(answer.match(/^HTTP\/1.1/gm)?.length, 1, headers.join(', '))
    }
    t.same(accepted, [])
  },
)
