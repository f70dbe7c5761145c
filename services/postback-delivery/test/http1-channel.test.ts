import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Exchange, type SendResult } from '../src/exchange.ts'
import { createWriteTurn, Http1Channel } from '../src/http1-channel.ts'

const limits = { maxResponseBytes: 65_536, captureBytes: 4_096 }
const request = { method: 'POST', path: '/', headers: {}, body: Buffer.from('{}') }
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

async function openChannel(
  t: Test,
): Promise<{ channel: Http1Channel; socket: Socket; far: Socket; ended: () => number }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  const [far] = (await accepted) as [Socket]
  far.on('error', () => undefined)
  t.teardown(() => {
    socket.destroy()
    far.destroy()
    server.close()
  })
  let ends = 0
  const channel = new Http1Channel(socket, {
    host: 'partner.example',
    writeTurn: createWriteTurn(),
    onEnd: () => {
      ends += 1
    },
  })
  return { channel, socket, far, ended: () => ends }
}

function send(channel: Http1Channel): Promise<SendResult> {
  return new Promise((resolve) => {
    channel.send(request, new Exchange(limits, resolve))
  })
}

t.test('requests follow one another on a connection', async (t) => {
  const { channel, far, ended } = await openChannel(t)
  let heard = ''
  far.on('data', (chunk) => {
    heard += chunk.toString('latin1')
    far.write(ok)
  })
  for (let count = 1; count <= 3; count += 1) {
    t.match(await send(channel), { statusCode: 200, failure: undefined })
    t.equal(heard.split('POST / HTTP/1.1\r\n').length - 1, count)
  }
  t.equal(ended(), 0)
})

t.test('what a receiver says before it is asked is no answer to the next request', async (t) => {
  const { channel, socket, far, ended } = await openChannel(t)
  let heard = 0
  far.on('data', () => {
    heard += 1
    far.write(ok)
  })
  await send(channel)
  const next = send(channel)
  // As if it had come in the same turn of the event loop.
  socket.emit('data', Buffer.from(ok))
  t.match(await next, { statusCode: 0, failure: { code: 'reset' } })
  t.equal(ended(), 1)
  await once(far, 'close')
  t.equal(heard, 1, 'it was not sent')
})

t.test('a connection on which something comes unasked is closed', async (t) => {
  const { channel, far, ended } = await openChannel(t)
  far.once('data', () => far.write(ok))
  await send(channel)
  far.write('HTTP/1.1 408 Request Timeout\r\n\r\n')
  await once(far, 'close')
  t.equal(ended(), 1)
})

t.test('who answers before all was asked gets no other request', async (t) => {
  const { channel, far, ended } = await openChannel(t)
  const large = { ...request, body: Buffer.alloc(32 * 1024 * 1024) }
  far.pause()
  const answered = new Promise<SendResult>((resolve) => {
    channel.send(large, new Exchange(limits, resolve))
  })
  far.write(ok)
  t.match(await answered, { statusCode: 200, failure: undefined })
  t.match(await send(channel), { statusCode: 0, failure: { code: 'reset' } })
  t.equal(ended(), 1)
})

t.test('who has begun to answer has seen the request', async (t) => {
  const { channel, far } = await openChannel(t)
  far.once('data', () => far.end('HTTP/1.1 200 OK\r\ncontent-len'))
  const exchange = await new Promise<Exchange>((resolve) => {
    channel.send(request, new Exchange(limits, (_result, ended) => resolve(ended)))
  })
  t.ok(exchange.answered)
  t.notOk(exchange.whole)
})
