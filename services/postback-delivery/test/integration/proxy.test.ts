import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { type OutboundProxy, parseProxy } from '../../src/open-tunnel.ts'
import { startReceiver } from './helper.ts'
import { makeSender, post } from './sender-fixture.ts'
import { makeReceiverCertificates, startTlsReceiver } from './tls-fixture.ts'

interface Proxy {
  readonly settings: OutboundProxy | undefined
  /** Target and credentials of each CONNECT. */
  readonly asked: readonly { readonly target: string; readonly authorization: string | undefined }[]
}

/** An HTTP proxy as operators run them; `answer` is its status line's code. */
async function startProxy(t: Test, answer: () => number | undefined = () => 200): Promise<Proxy> {
  const asked: { target: string; authorization: string | undefined }[] = []
  const sockets = new Set<Socket>()
  const server = createServer((_request, response) => {
    response.writeHead(405)
    response.end()
  })
  server.on('connect', (request, client: Socket, head) => {
    sockets.add(client)
    client.on('error', () => undefined)
    asked.push({ target: request.url ?? '', authorization: request.headers['proxy-authorization'] })
    const status = answer()
    if (status === undefined) return
    if (status !== 200) {
      client.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(request.url ?? '') ?? []
    const upstream = connect({ host: host ?? '', port: Number(port) }, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.write(head)
      upstream.pipe(client).pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on('error', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { settings: parseProxy(`http://user:pass%40@127.0.0.1:${port}`), asked }
}

const certificates = makeReceiverCertificates(t.testdir())
const trusting = { tls: { key: 'ca', ca: certificates.ca } }

t.test('requests go out through the proxy, to the address that was checked', async (t) => {
  const proxy = await startProxy(t)
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  const resolve = async () => [{ address: '127.0.0.1', family: 4 }]
  const sender = makeSender(t, { proxy: proxy.settings, resolve })
  for (let n = 0; n < 3; n += 1) {
    const result = await sender.send(post(`http://partner.example:${receiver.port}`), 5_000)
    t.match(result, { statusCode: 200, failure: undefined })
  }
  const authorization = `Basic ${Buffer.from('user:pass@').toString('base64')}`
  t.same(proxy.asked, [{ target: `127.0.0.1:${receiver.port}`, authorization }], 'one tunnel, kept')
  t.equal(receiver.received[0]?.headers.host, `partner.example:${receiver.port}`)
  t.equal(receiver.received[0]?.headers['proxy-authorization'], undefined)
})

t.test('TLS and HTTP/2 go through a tunnel, and names are verified at its end', async (t) => {
  const proxy = await startProxy(t)
  const receiver = await startTlsReceiver(t, certificates.good)
  const sender = makeSender(t, { proxy: proxy.settings })
  t.match(await sender.send(post(receiver.origin, '{}', trusting), 5_000), { statusCode: 200 })
  t.match(receiver.received, [{ httpVersion: '2.0' }])
  const wrong = await startTlsReceiver(t, certificates.wrongHost)
  t.match(await sender.send(post(wrong.origin, '{}', trusting), 5_000), { failure: { code: 'tls' } })
  t.equal(wrong.received.length, 0)
  t.equal(proxy.asked.length, 2)
})

t.test('a proxy that refuses, hangs or is not there is a failure that is tried again', async (t) => {
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  const refusing = await startProxy(t, () => 403)
  const hanging = await startProxy(t, () => undefined)
  for (const [proxy, failure] of [
    [refusing.settings, { code: 'connect', detail: 'the proxy answered 403' }],
    [hanging.settings, { code: 'timeout' }],
    [parseProxy('http://127.0.0.1:9'), { code: 'connect', detail: /the proxy failed/ }],
  ] as const) {
    const sender = makeSender(t, { proxy })
    t.match(await sender.send(post(receiver.origin), 500), { statusCode: 0, failure })
    t.equal(sender.connections().open, 0)
  }
  t.equal(receiver.connections(), 0)
})

t.test('a proxy is named by its URL', async (t) => {
  t.match(parseProxy('http://proxy.example:3128'), {
    hostname: 'proxy.example',
    port: 3128,
    authorization: undefined,
  })
  t.match(parseProxy('https://[::1]'), { protocol: 'https:', hostname: '::1', port: 443 })
  for (const text of ['', 'proxy.example:3128', 'socks5://proxy.example', 'http://proxy.example/path']) {
    t.equal(parseProxy(text), undefined, text)
  }
})
