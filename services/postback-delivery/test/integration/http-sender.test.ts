import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createAddressGuard, type Network, parseNetwork, type ResolveHost } from '../../src/address-guard.ts'
import { createHttpSender } from '../../src/http-sender.ts'
import { createConnectionOpener } from '../../src/open-connection.ts'
import { createHostResolver } from '../../src/resolve-host.ts'
import { startReceiver, until } from './helper.ts'

const resolveHost = createHostResolver({ timeoutMs: 1_000, tries: 1, atOnce: 2 })
const limits = {
  maxConnections: 4,
  maxResponseBytes: 65_536,
  captureBytes: 4_096,
  scrubbedHeaders: new Set(['authorization']),
}

function makeSender(t: Test, networks = ['127.0.0.0/8', '::1'], resolve: ResolveHost = resolveHost) {
  const allowedNetworks = networks.map((text) => parseNetwork(text) as Network)
  const guard = createAddressGuard({ resolve }, { allowedNetworks })
  const sender = createHttpSender(
    { opener: createConnectionOpener({ guard }, { connectTimeoutMs: 5_000 }) },
    limits,
  )
  t.teardown(sender.stop)
  return sender
}

const get = (origin: string, target = '/') => ({
  method: 'GET',
  origin,
  target,
  pathname: target,
  headers: { 'accept-encoding': 'identity' },
  body: null,
})

/** A receiver that speaks what the test makes it say; counts its connections. */
async function startRawReceiver(t: Test, talk: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.once('data', () => talk(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    connections: () => connections,
    open: () => sockets.size,
  }
}

t.test('a response is read whole and its connection used again', async (t) => {
  const receiver = await startReceiver((request, response) => {
    response.statusCode = 201
    response.setHeader('retry-after', '7')
    response.end(`${request.method} ${request.url}`)
  })
  t.teardown(receiver.stop)
  const sender = makeSender(t)
  for (let count = 0; count < 5; count += 1) {
    const result = await sender.send(get(receiver.origin, '/a?b=c'), 5_000)
    t.match(result, { statusCode: 201, retryAfter: '7', bodyTruncated: false, failure: undefined })
    t.equal(result.body.toString(), 'GET /a?b=c')
  }
  t.equal(receiver.connections(), 1)
})

t.test('one deadline holds for a receiver that never answers', async (t) => {
  const receiver = await startRawReceiver(t, () => undefined)
  const result = await makeSender(t).send(get(receiver.origin), 200)
  t.match(result, { statusCode: 0, failure: { code: 'timeout' } })
  await until('the connection is closed', () => receiver.open() === 0)
})

t.test('one deadline holds for a receiver that drips', async (t) => {
  const receiver = await startRawReceiver(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n')
    const drip = setInterval(() => socket.write('x'), 20)
    socket.on('close', () => clearInterval(drip))
  })
  const started = performance.now()
  const result = await makeSender(t).send(get(receiver.origin), 300)
  t.match(result, { statusCode: 200, failure: { code: 'timeout' } })
  t.ok(performance.now() - started < 2_000, 'the drops do not put it off')
  await until('the connection is closed', () => receiver.open() === 0)
})

t.test('a response without an end is cut, and its status counts', async (t) => {
  let sent = 0
  const receiver = await startRawReceiver(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
    const chunk = Buffer.concat([Buffer.from('4000\r\n'), Buffer.alloc(0x4000, 'x'), Buffer.from('\r\n')])
    const pour = (): void => {
      while (!socket.destroyed) {
        sent += 0x4000
        if (!socket.write(chunk)) break
      }
    }
    socket.on('drain', pour)
    pour()
  })
  const result = await makeSender(t).send(get(receiver.origin), 10_000)
  t.match(result, { statusCode: 200, bodyTruncated: true, failure: undefined })
  t.equal(result.body.length, 4_096)
  await until('the connection is closed', () => receiver.open() === 0)
  t.ok(sent < 20_000_000, 'it could not go on')
})

t.test('a body that is compressed all the same is decoded as far as it is kept', async (t) => {
  const bomb = gzipSync(Buffer.alloc(10_000_000, 'a'))
  const receiver = await startReceiver((_request, response) => {
    response.setHeader('content-encoding', 'gzip')
    response.end(bomb)
  })
  t.teardown(receiver.stop)
  const result = await makeSender(t).send(get(receiver.origin), 5_000)
  t.equal(result.body.toString(), 'a'.repeat(4_096))
  t.equal(result.bodyTruncated, true)
  t.equal(receiver.received[0]?.headers['accept-encoding'], 'identity')
})

t.test('redirects are answers, not followed', async (t) => {
  const target = await startReceiver()
  const receiver = await startReceiver((_request, response) => {
    response.writeHead(302, { location: target.origin })
    response.end()
  })
  t.teardown(async () => {
    await receiver.stop()
    await target.stop()
  })
  const result = await makeSender(t).send(get(receiver.origin), 5_000)
  t.match(result, { statusCode: 302, failure: undefined })
  t.equal(target.connections(), 0)
})

t.test('what goes wrong has a code', async (t) => {
  const closing = await startRawReceiver(t, (socket) => socket.destroy())
  const midBody = await startRawReceiver(t, (socket) =>
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'),
  )
  const babbling = await startRawReceiver(t, (socket) => socket.end('220 mail.example ready\r\n'))
  const headers = await startRawReceiver(t, (socket) =>
    socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(1_000_000)}\r\n\r\n`),
  )
  const gone = await startReceiver()
  await gone.stop()
  const plain = await startReceiver()
  t.teardown(plain.stop)
  const sender = makeSender(t)
  const cases = [
    ['a connection that closes', closing.origin, 0, 'reset'],
    ['a body that ends early', midBody.origin, 200, 'reset'],
    ['something that is not HTTP', babbling.origin, 0, 'protocol'],
    ['headers without an end', headers.origin, 0, 'protocol'],
    ['nobody there', gone.origin, 0, 'connect'],
    ['no TLS there', plain.origin.replace('http:', 'https:'), 0, 'tls'],
    ['no such name', 'http://nowhere.invalid', 0, 'dns'],
  ] as const
  for (const [what, origin, statusCode, code] of cases) {
    const result = await sender.send(get(origin), 10_000)
    t.match(result, { statusCode, failure: { code } }, what)
  }
})

t.test('a forbidden address is never connected to, however it is spelled', async (t) => {
  const receiver = await startRawReceiver(t, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
  const sender = makeSender(t, [])
  for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]']) {
    const result = await sender.send(get(`http://${host}:${receiver.port}`), 5_000)
    t.match(result, { statusCode: 0, failure: { code: 'forbidden_address' } }, host)
  }
  t.equal(receiver.connections(), 0)
})

t.test('a name that changes between two lookups is connected to where it was checked', async (t) => {
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  let asked = 0
  const rebinding: ResolveHost = async () => {
    asked += 1
    // First allowed, then what a rebinding name server would say.
    return [{ address: asked === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]
  }
  const sender = makeSender(t, ['127.0.0.1'], rebinding)
  const origin = `http://rebinding.example:${receiver.port}`
  t.match(await sender.send(get(origin), 5_000), { statusCode: 200, failure: undefined })
  t.equal(asked, 1)
  t.equal(receiver.received[0]?.headers.host, `rebinding.example:${receiver.port}`)
})

t.test('connections of many origins are closed again', async (t) => {
  const receivers = await Promise.all(Array.from({ length: 12 }, () => startReceiver()))
  t.teardown(() => Promise.all(receivers.map((receiver) => receiver.stop())))
  const sender = makeSender(t)
  const open = new Set<string>()
  for (const { origin } of receivers) {
    const result = await sender.send(get(origin), 5_000)
    if (result.statusCode === 200) open.add(origin)
  }
  t.equal(open.size, 12, 'more origins than pools are served')
  const results = await Promise.all(receivers.map(({ origin }) => sender.send(get(origin), 5_000)))
  t.ok(
    results.every(({ statusCode }) => statusCode === 200),
    'also all at once',
  )
})
