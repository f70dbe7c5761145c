import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createRequestBudget } from '../src/request-budget.ts'
import { authorization, startSampleHttp } from './sample-doors.ts'

const bodyBytes = 60_000
const body = `{"specversion":"1.0","id":"1","source":"/s","type":"a","data":"${'x'.repeat(bodyBytes)}"}`

/** A door with a budget for one such body and a half. */
async function startDoor(t: Test) {
  const requestBudget = createRequestBudget(1.5 * bodyBytes)
  const { app } = await startSampleHttp(t, { requestBudget }, { maxBodyBytes: 1_000_000 })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { requestBudget, port }
}

/** A sender that announces the whole body, or nothing, and sends as much as it is told. */
async function openSender(t: Test, port: number, length: string) {
  const socket: Socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  let answer = ''
  socket.on('data', (bytes) => {
    answer += bytes.toString()
  })
  socket.write(
    `POST /v1/events HTTP/1.1\r\nhost: a\r\nauthorization: ${authorization}\r\ncontent-type: application/cloudevents+json\r\n${length}\r\n\r\n`,
  )
  const answered = async (): Promise<string> => {
    while (!answer.includes('\r\n\r\n')) await once(socket, 'data')
    return answer
  }
  return { socket, answered }
}

const announced = `content-length: ${body.length}`
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

t.test('bodies count as they come, not as they are announced, and what is too much is refused', async (t) => {
  const { requestBudget, port } = await startDoor(t)
  const slow = await Promise.all(Array.from({ length: 5 }, () => openSender(t, port, announced)))
  const [first, second] = slow
  first?.socket.write(body.slice(0, 50_000))
  await until(() => requestBudget.heldBytes() >= 50_000)
  second?.socket.write(body.slice(0, 50_000))
  const refused = (await second?.answered()) ?? ''
  t.match(refused, /^HTTP\/1\.1 503 /)
  t.match(refused, /\r\nretry-after: \d+\r\n/i)
  t.match(refused, /\r\n\r\n\{"type":"urn:millrace:problem:unavailable"/)
  first?.socket.write(body.slice(50_000))
  t.match(await first?.answered(), /^HTTP\/1\.1 202 /, 'what was there already gets in')
  for (const { socket } of slow) socket.destroy()
  await until(() => requestBudget.heldBytes() === 0)
})

t.test('a body of unknown length counts as it comes, and one that is cut off is given back', async (t) => {
  const { requestBudget, port } = await startDoor(t)
  const { socket } = await openSender(t, port, 'transfer-encoding: chunked')
  socket.write(`${(40_000).toString(16)}\r\n${body.slice(0, 40_000)}\r\n`)
  await until(() => requestBudget.heldBytes() >= 40_000)
  socket.destroy()
  await until(() => requestBudget.heldBytes() === 0)
})

t.test('what a compressed body grows to counts', async (t) => {
  const { requestBudget, port } = await startDoor(t)
  const send = (data: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/v1/events`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/cloudevents+json', 'content-encoding': 'gzip' },
      body: gzipSync(body.replace('x', data)),
    })
  const other = requestBudget.open()
  other.take(bodyBytes)
  const refused = await send('y')
  t.equal(refused.status, 503)
  t.match(await refused.json(), { type: 'urn:millrace:problem:unavailable' })
  other.close()
  t.equal((await send('y')).status, 202)
  await until(() => requestBudget.heldBytes() === 0)
})

/** Of a request to a route that reads no body. */
async function openUnread(t: Test, port: number, length: string) {
  const socket: Socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  let answers = ''
  socket.on('data', (bytes) => {
    answers += bytes.toString()
  })
  const pongs = (): number => answers.split('\r\n\r\npong').length - 1
  socket.write(`GET /ping HTTP/1.1\r\nhost: a\r\n${length}\r\n\r\n`)
  await until(() => pongs() === 1)
  return { socket, pongs }
}
const answers = async (port: number): Promise<string> =>
  await (await fetch(`http://127.0.0.1:${port}/ping`)).text()

t.test(
  'a body that nobody reads and that has no room, or is cut off, leaves the door as it is',
  async (t) => {
    const { requestBudget, port } = await startDoor(t)
    const other = requestBudget.open()
    other.take(75_000)
    const socket: Socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.resume()
    const chunk = `${(9_000).toString(16)}\r\n${'x'.repeat(9_000)}\r\n`
    socket.write(`GET /ping HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${chunk}${chunk}`)
    await once(socket, 'data')
    socket.destroy()
    other.close()
    const cutOff = await openUnread(t, port, 'content-length: 500000')
    cutOff.socket.write('x'.repeat(1_000))
    cutOff.socket.destroy()
    await until(() => requestBudget.heldBytes() === 0)
    t.equal(await answers(port), 'pong')
  },
)

t.test('a body that nobody reads is read to its end, and the connection goes on', async (t) => {
  const { port } = await startDoor(t)
  const { socket, pongs } = await openUnread(t, port, 'content-length: 500000')
  socket.write('x'.repeat(500_000))
  socket.write('GET /ping HTTP/1.1\r\nhost: a\r\n\r\n')
  await until(() => pongs() === 2 || socket.destroyed)
  t.equal(pongs(), 2)
})

t.test('an unknown address is answered without room for its body, and before it has come', async (t) => {
  const { requestBudget, port } = await startDoor(t)
  requestBudget.open().take(1.5 * bodyBytes - 5_000)
  for (const length of ['content-length: 60000', 'transfer-encoding: chunked', 'content-length: 10000']) {
    const socket: Socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.write(
      `POST /v1/nowhere HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${length}\r\n\r\n`,
    )
    const [answer] = await once(socket, 'data')
    t.match(String(answer), /^HTTP\/1\.1 404 [\s\S]*\r\nx-request-id: /, length)
  }
})
