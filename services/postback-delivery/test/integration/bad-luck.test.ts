import { deflateSync, gzipSync } from 'node:zlib'
import t from 'tap'
import type { SendResult } from '../../src/exchange.ts'
import { judgeFailure, judgeStatus, type Verdict } from '../../src/judge-response.ts'
import { createHostResolver } from '../../src/resolve-host.ts'
import { deadlineMs, policy } from './bad-receivers.ts'
import { startNameServer } from './dns-fixture.ts'
import { startReceiver, until } from './helper.ts'
import { makeSender, post, startRawReceiver } from './sender-fixture.ts'

/** What becomes of a delivery after it. */
const verdictOf = ({ statusCode, failure }: SendResult): Verdict =>
  failure === undefined ? judgeStatus(statusCode, false) : judgeFailure(failure.code)

/** Where the deadline is not what is tried, a busy machine shall not reach it. */
const patientMs = 10_000

for (const { what, talk, statusCode, code, verdict } of policy) {
  t.test(`a receiver that ${what}: ${verdict}`, async (t) => {
    const receiver = await startRawReceiver(t, talk)
    const timeoutMs = code === 'timeout' ? deadlineMs : patientMs
    const startedMs = performance.now()
    const result = await makeSender(t).send(post(receiver.origin), timeoutMs)
    t.ok(performance.now() - startedMs < timeoutMs + 2_000, 'in time')
    t.equal(result.statusCode, statusCode)
    t.equal(result.failure?.code, code, result.failure?.detail ?? '')
    t.equal(verdictOf(result), verdict)
    t.ok(result.body.length <= 4_096)
    if (code !== undefined) await until('its connection is closed', () => receiver.open() === 0)
  })
}

const bomb = Buffer.alloc(20_000_000, 'a')
const bombs = [
  ['gzip', gzipSync(bomb)],
  ['deflate', deflateSync(bomb)],
] as const
for (const [encoding, packed] of bombs) {
  t.test(`a receiver that answers a bomb (${encoding}) is read as far as it is kept`, async (t) => {
    const receiver = await startReceiver((_request, response) => {
      response.setHeader('content-encoding', encoding)
      response.end(packed)
    })
    t.teardown(receiver.stop)
    const result = await makeSender(t).send(post(receiver.origin), 5_000)
    t.match(result, { statusCode: 200, bodyTruncated: true, failure: undefined })
    t.equal(result.body.toString(), 'a'.repeat(4_096))
  })
}

t.test('what cannot be decoded is kept as it came', async (t) => {
  for (const [encoding, body] of [
    ['gzip', 'this is not gzip'],
    ['br', 'abc'],
    ['gzip, br', 'abc'],
  ] as const) {
    const receiver = await startReceiver((_request, response) => {
      response.setHeader('content-encoding', encoding)
      response.end(body)
    })
    t.teardown(receiver.stop)
    const result = await makeSender(t).send(post(receiver.origin), 5_000)
    t.match(result, { statusCode: 200, failure: undefined })
    t.equal(result.body.toString(), body)
  }
})

t.test('a name server that refuses, keeps silent or knows nothing: retry, in time', async (t) => {
  for (const answer of ['refused', 'nxdomain', undefined] as const) {
    const names = await startNameServer(t, () => answer)
    const resolve = createHostResolver({ timeoutMs: 200, tries: 1, atOnce: 2, servers: [names.address] })
    const result = await makeSender(t, { resolve }).send(post('http://partner.example:8080'), 3_000)
    t.match(result, { statusCode: 0, failure: { code: answer === undefined ? /dns|timeout/ : 'dns' } })
    t.equal(verdictOf(result), 'retry')
  }
})

t.test('a name that moves is called where it is now', async (t) => {
  const receiver = await startReceiver((_request, response) => {
    response.setHeader('connection', 'close')
    response.end('ok')
  })
  t.teardown(receiver.stop)
  let address = '127.0.0.9'
  const names = await startNameServer(t, () => [address])
  const resolve = createHostResolver({ timeoutMs: 500, tries: 1, atOnce: 2, servers: [names.address] })
  const sender = makeSender(t, { resolve })
  const request = post(`http://partner.example:${receiver.port}`)
  t.match(await sender.send(request, 3_000), { failure: { code: 'connect' } })
  address = '127.0.0.1'
  t.match(await sender.send(request, 3_000), { statusCode: 200 })
})
