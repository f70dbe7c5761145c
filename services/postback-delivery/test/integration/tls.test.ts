import { once } from 'node:events'
import { constants } from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { ReceiverTls } from '../../src/receiver.ts'
import { until } from './helper.ts'
import { get, makeSender, post } from './sender-fixture.ts'
import { makeReceiverCertificates, startTlsReceiver, type TlsReceiver } from './tls-fixture.ts'

const certificates = makeReceiverCertificates(t.testdir())
const { ca, client, stranger } = certificates
const trusting: { readonly tls: ReceiverTls } = { tls: { key: 'ca', ca } }
const withClient = (identity: typeof client, key: string): { readonly tls: ReceiverTls } => ({
  tls: { key, ca, certificate: identity.cert, privateKey: identity.key },
})

const bad = [
  ['signed by an authority that nobody knows', certificates.good, undefined],
  ['signed by another authority than the endpoint’s', certificates.good, certificates.otherCa],
  ['expired', certificates.expired, ca],
  ['that of another host', certificates.wrongHost, ca],
  ['self-signed', certificates.selfSigned, ca],
] as const
for (const [what, identity, authority] of bad) {
  t.test(`nothing is sent to a receiver whose certificate is ${what}`, async (t) => {
    const receiver = await startTlsReceiver(t, identity)
    const tls = authority === undefined ? {} : { tls: { key: 'authority', ca: authority } }
    const result = await makeSender(t).send(post(receiver.origin, '{}', tls), 5_000)
    t.match(result, { statusCode: 0, failure: { code: 'tls' } })
    t.equal(receiver.received.length, 0)
  })
}

t.test('an endpoint’s own authority verifies it, by name and by address', async (t) => {
  const receiver = await startTlsReceiver(t, certificates.good)
  const sender = makeSender(t, { resolve: async () => [{ address: '127.0.0.1', family: 4 }] })
  t.match(await sender.send(post(receiver.origin, '{}', trusting), 5_000), { statusCode: 200 })
  const byAddress = receiver.origin.replace('localhost', '127.0.0.1')
  t.match(await sender.send(post(byAddress, '{}', trusting), 5_000), { statusCode: 200 })
  const withDot = receiver.origin.replace('localhost', 'localhost.')
  t.match(await sender.send(post(withDot, '{}', trusting), 5_000), { statusCode: 200, failure: undefined })
})

t.test('a receiver that asks for a certificate gets the endpoint’s', async (t) => {
  const asking = { requestCert: true, rejectUnauthorized: true, ca }
  const receiver = await startTlsReceiver(t, certificates.good, undefined, asking)
  const sender = makeSender(t)
  const send = (receiverTls: { readonly tls: ReceiverTls }) =>
    sender.send(post(receiver.origin, '{}', receiverTls), 5_000)
  t.match(await send(withClient(client, 'client')), { statusCode: 200, failure: undefined })
  t.match(receiver.received, [{ authorized: true }])
  for (const wrong of [trusting, withClient(stranger, 'stranger')]) {
    const { statusCode, failure } = await send(wrong)
    t.equal(statusCode, 0)
    t.match(failure?.code, /^(tls|reset)$/, 'TLS 1.3 refuses after the handshake')
  }
  t.equal(receiver.received.length, 1, 'connections are not shared with who has another certificate')
})

t.test('certificates that cannot be used are a failure of their attempt', async (t) => {
  const receiver = await startTlsReceiver(t, certificates.good)
  const spoilt = { tls: { key: 'spoilt', certificate: client.cert, privateKey: 'nothing' } }
  const result = await makeSender(t).send(post(receiver.origin, '{}', spoilt), 5_000)
  t.match(result, { statusCode: 0, failure: { code: 'tls' } })
})

const sendMany = (t: Test, receiver: TlsReceiver, count: number, sender = makeSender(t)) =>
  Promise.all(
    Array.from({ length: count }, (_, n) =>
      sender.send(post(receiver.origin, `{"n":${n}}`, trusting), 5_000),
    ),
  )

t.test('HTTP/2 is spoken with who offers it, and one connection carries many requests', async (t) => {
  const receiver = await startTlsReceiver(t, certificates.good, (_request, response) => {
    response.setHeader('retry-after', '7')
    response.writeHead(503)
    response.end('two')
  })
  const sender = makeSender(t)
  await sendMany(t, receiver, 1, sender)
  const results = await sendMany(t, receiver, 50, sender)
  t.equal(receiver.connections(), 1)
  t.ok(results.every(({ statusCode, retryAfter }) => statusCode === 503 && retryAfter === '7'))
  t.ok(results.every(({ body }) => body.toString() === 'two'))
  t.ok(receiver.received.every(({ httpVersion }) => httpVersion === '2.0'))
})

t.test('who does not offer HTTP/2 gets HTTP/1.1', async (t) => {
  const versions: string[] = []
  const server = createServer(certificates.good, (request, response) => {
    versions.push(request.httpVersion)
    response.end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`
  let connections = 0
  server.on('secureConnection', () => {
    connections += 1
  })
  const sender = makeSender(t)
  // However quick the answers are: a TLS connection still counts what it has sent for a moment.
  for (let n = 0; n < 300; n += 1) {
    t.match(await sender.send(post(origin, '{}', trusting), 5_000), { statusCode: 200 })
  }
  t.same(new Set(versions), new Set(['1.1']))
  t.equal(versions.length, 300)
  t.equal(connections, 1, 'which is kept')
})

t.test('who offers HTTP/2 and then asks for HTTP/1.1 gets it at once, and from then on', async (t) => {
  const receiver = await startTlsReceiver(t, certificates.good, (request, response) => {
    if (request.httpVersion === '2.0') response.stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED)
    else response.end('ok')
  })
  const sender = makeSender(t)
  t.match(await sendMany(t, receiver, 1, sender), [{ statusCode: 200, failure: undefined }])
  t.match(await sendMany(t, receiver, 1, sender), [{ statusCode: 200, failure: undefined }])
  t.same(
    receiver.received.map(({ httpVersion }) => httpVersion),
    ['2.0', '1.1', '1.1'],
  )
})

t.test('a request that an HTTP/2 receiver refused is made again', async (t) => {
  let refused = 0
  const receiver = await startTlsReceiver(t, certificates.good, (_request, response) => {
    refused += 1
    if (refused === 1) response.stream.close(constants.NGHTTP2_REFUSED_STREAM)
    else response.end('ok')
  })
  t.match(await sendMany(t, receiver, 1), [{ statusCode: 200, failure: undefined }])
})

t.test('an HTTP/2 receiver that goes away between two requests costs no attempt', async (t) => {
  const receiver = await startTlsReceiver(t, certificates.good)
  const sender = makeSender(t)
  for (let round = 0; round < 10; round += 1) {
    const [result] = await sendMany(t, receiver, 1, sender)
    t.match(result, { statusCode: 200, failure: undefined })
    for (const session of receiver.sessions) session.goaway()
  }
})

t.test('one deadline holds over HTTP/2, and what hangs there is not used again', async (t) => {
  let hangs = true
  const receiver = await startTlsReceiver(t, certificates.good, (_request, response) => {
    if (!hangs) response.end('ok')
  })
  const sender = makeSender(t)
  const result = await sender.send(post(receiver.origin, '{}', trusting), 500)
  t.match(result, { statusCode: 0, failure: { code: 'timeout' } })
  await until('the connection is closed', () => receiver.open() === 0)
  hangs = false
  t.match(await sendMany(t, receiver, 1, sender), [{ statusCode: 200 }])
})

t.test('a response without an end is cut over HTTP/2 too', async (t) => {
  let sent = 0
  const receiver = await startTlsReceiver(t, certificates.good, (_request, response) => {
    const chunk = Buffer.alloc(16_384, 'x')
    const pour = (): void => {
      while (!response.destroyed && !response.stream?.destroyed) {
        sent += chunk.length
        if (!response.write(chunk)) break
      }
    }
    response.on('drain', pour)
    pour()
  })
  const result = await makeSender(t).send(get(receiver.origin, '/', trusting), 10_000)
  t.match(result, { statusCode: 200, bodyTruncated: true, failure: undefined })
  t.equal(result.body.length, 4_096)
  t.ok(sent < 5_000_000, `it could not go on: ${sent}`)
})

t.test('headers without an end are a failure over HTTP/2 too', async (t) => {
  const receiver = await startTlsReceiver(t, certificates.good, (_request, response) => {
    for (let n = 0; n < 200; n += 1) response.setHeader(`x-${n}`, 'y'.repeat(1_000))
    response.end('ok')
  })
  const [result] = await sendMany(t, receiver, 1)
  t.equal(result?.statusCode, 0)
  t.match(result?.failure?.code, /^(protocol|reset)$/)
})
