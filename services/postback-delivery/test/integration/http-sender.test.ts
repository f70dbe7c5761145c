import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { ResolveHost } from '../../src/address-guard.ts'
import { startReceiver, until } from './helper.ts'
import { get, makeSender, post, startRawReceiver } from './sender-fixture.ts'

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

t.test('a forbidden address is never connected to, however it is spelled', async (t) => {
  const receiver = await startRawReceiver(t, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
  const sender = makeSender(t, { networks: [] })
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
  const sender = makeSender(t, { networks: ['127.0.0.1'], resolve: rebinding })
  const origin = `http://rebinding.example:${receiver.port}`
  t.match(await sender.send(get(origin), 5_000), { statusCode: 200, failure: undefined })
  t.equal(asked, 1)
  t.equal(receiver.received[0]?.headers.host, `rebinding.example:${receiver.port}`)
})

t.test('connections of many origins are closed again, the ones used longest ago first', async (t) => {
  const receivers = await Promise.all(Array.from({ length: 12 }, () => startReceiver()))
  t.teardown(() => Promise.all(receivers.map((receiver) => receiver.stop())))
  const sender = makeSender(t)
  const open = new Set<string>()
  for (const { origin } of receivers) {
    const result = await sender.send(get(origin), 5_000)
    if (result.statusCode === 200) open.add(origin)
  }
  t.equal(open.size, 12, 'more origins than connections are served')
  t.same(sender.connections(), { open: 4, idle: 4 })
  const results = await Promise.all(receivers.map(({ origin }) => sender.send(get(origin), 5_000)))
  t.ok(
    results.every(({ statusCode }) => statusCode === 200),
    'also all at once',
  )
  await until('what is too much is closed', () => sender.connections().open === 4)
})

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

t.test('a kept connection that the receiver closes at that very moment costs no attempt', async (t) => {
  let heard = 0
  const receiver = await startRawReceiver(t, (socket, { connection }) => {
    heard += 1
    // The first connection answers once; what comes then meets a reset.
    if (connection === 1 && heard > 1) socket.resetAndDestroy()
    else socket.write(ok)
  })
  const sender = makeSender(t)
  t.match(await sender.send(post(receiver.origin), 5_000), { statusCode: 200 })
  t.match(await sender.send(post(receiver.origin), 5_000), { statusCode: 200, failure: undefined })
  t.equal(receiver.connections(), 2)
  t.equal(heard, 3)
})

t.test('a receiver that closes every connection has failed after one repeat', async (t) => {
  let answers = 1
  const receiver = await startRawReceiver(t, (socket) => {
    answers -= 1
    if (answers >= 0) socket.write(ok)
    else socket.destroy()
  })
  const sender = makeSender(t)
  await sender.send(post(receiver.origin), 5_000)
  t.match(await sender.send(post(receiver.origin), 5_000), { statusCode: 0, failure: { code: 'reset' } })
  t.equal(receiver.connections(), 2)
  t.match(await sender.send(post(receiver.origin), 5_000), { failure: { code: 'reset' } })
  t.equal(receiver.connections(), 3, 'a fresh connection that is closed is a failure at once')
})

t.test(
  'a request is not repeated once the receiver has begun to answer, or has had time to look at it',
  async (t) => {
    const beginnings = [
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx',
      'HTTP/1.1 103 Early Hints\r\n\r\n',
      '',
    ] as const
    for (const beginning of beginnings) {
      let heard = 0
      const receiver = await startRawReceiver(t, (socket) => {
        heard += 1
        if (heard === 1) socket.write(ok)
        else if (beginning === '') setTimeout(() => socket.destroy(), 1_100)
        else socket.end(beginning)
      })
      const sender = makeSender(t)
      await sender.send(post(receiver.origin), 5_000)
      t.match(await sender.send(post(receiver.origin), 5_000), { failure: { code: 'reset' } }, beginning)
      t.equal(heard, 2)
    }
  },
)

t.test('what receivers repeat of a secret header is masked, whatever it is in', async (t) => {
  const receiver = await startReceiver((request, response) => {
    response.end(
      Buffer.concat([Buffer.from([0xff, 0, 0xfe]), Buffer.from(`${request.headers.authorization}`)]),
    )
  })
  t.teardown(receiver.stop)
  const request = get(receiver.origin)
  const headers = { ...request.headers, authorization: 'Bearer secret-token' }
  const { body } = await makeSender(t).send({ ...request, headers }, 5_000)
  t.same(body, Buffer.concat([Buffer.from([0xff, 0, 0xfe]), Buffer.from('[scrubbed]')]))
})

t.test(
  '2,000 receivers are called at once over bounded connections, which end when nobody uses them',
  async (t) => {
    const receiver = await startRawReceiver(
      t,
      (socket) =>
        void socket.write('HTTP/1.1 200 OK\r\nkeep-alive: timeout=2\r\ncontent-length: 2\r\n\r\nok'),
      '0.0.0.0',
    )
    const sender = makeSender(t, { maxConnections: 300 })
    // All of them are this machine.
    const origins = Array.from(
      { length: 2_000 },
      (_, n) => `http://127.1.${n >> 8}.${n & 255}:${receiver.port}`,
    )
    const results = await Promise.all(origins.map((origin) => sender.send(post(origin), 20_000)))
    t.ok(results.every(({ statusCode }) => statusCode === 200))
    await until('what is too much is closed', () => receiver.open() <= 300)
    t.ok(sender.connections().open <= 300)
    await until('the rest ends by itself', () => receiver.open() === 0)
    t.same(sender.connections(), { open: 0, idle: 0 })
  },
)

t.test('a sender that is stopped cuts what is under way, and makes nothing again', async (t) => {
  let heard = 0
  const receiver = await startRawReceiver(t, (socket) => {
    heard += 1
    if (heard === 1) socket.write(ok)
  })
  const sender = makeSender(t)
  await sender.send(post(receiver.origin), 5_000)
  const cut = sender.send(post(receiver.origin), 5_000)
  await until('it is under way', () => heard === 2)
  await sender.stop()
  t.match(await cut, { statusCode: 0, failure: { code: 'reset' } })
  t.match(await sender.send(post(receiver.origin), 5_000), { statusCode: 0, failure: { code: 'reset' } })
  t.equal(receiver.connections(), 1)
})
