import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { type SseWriter, startSse } from '../src/sse-writer.ts'

async function startServer(t: Test) {
  const writers: SseWriter[] = []
  let closed = 0
  const server = createServer((_request, response) => {
    writers.push(
      startSse(response, { 'x-request-id': 'r1' }, () => {
        closed += 1
      }),
    )
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, writers, closed: () => closed }
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve))
}

t.test('a stream says what it is, and its events arrive at once', async (t) => {
  const { port, writers } = await startServer(t)
  const response = await fetch(`http://127.0.0.1:${port}/`)
  t.match(response.headers.get('content-type'), 'text/event-stream')
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.equal(response.headers.get('x-request-id'), 'r1')
  writers[0]?.send(Buffer.from('event: live\ndata: {}\n\n'))
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (!text.includes('data: {}')) text += (await reader?.read())?.value ?? ''
  t.equal(text, 'retry: 1000\n\nevent: live\ndata: {}\n\n')
  writers[0]?.end()
  t.equal((await reader?.read())?.done, true)
})

t.test('a reader that does not read is not ready until it has', async (t) => {
  const { port, writers, closed } = await startServer(t)
  const socket = connect(port, '127.0.0.1')
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await until(() => writers.length === 1)
  const writer = writers[0]
  let sent = 0
  const event = Buffer.from(`data: ${'x'.repeat(16_000)}\n\n`)
  while (writer?.isReady() === true && sent < 10_000) {
    writer.send(event)
    sent += 1
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(writer?.isReady(), false, 'writing stops long before memory is a matter')
  t.ok(sent < 1_000)
  socket.resume()
  await until(() => writer?.isReady() === true)
  t.pass('it goes on where the reader does')
  socket.destroy()
  await until(() => closed() === 1)
  t.equal(writer?.isReady(), false)
})
