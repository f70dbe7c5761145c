// A receiver of deliveries that does as little as can be, since it runs on the cores that are measured.
//   POST anything: 200. POST /hang…: never answered. GET /counts: what came since the last time, as JSON.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** Body: {"sentAtMs": …} at its beginning, where times count. */
const sentAt = /"sentAtMs":(\d+(?:\.\d+)?)/
const ok = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')

let count = 0
let times: number[] = []

const server = createServer((socket) => {
  socket.setNoDelay(true)
  let rest = ''
  socket.on('data', (bytes) => {
    rest += bytes.toString('latin1')
    for (let taken = takeRequest(rest); taken !== undefined; taken = takeRequest(rest)) {
      rest = rest.slice(taken.length)
      answer(socket, taken.text)
    }
  })
  socket.on('error', () => socket.destroy())
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
console.log(typeof address === 'object' ? address?.port : '')
process.on('SIGTERM', () => process.exit(0))

function answer(socket: Socket, text: string): void {
  if (text.startsWith('GET /counts')) {
    const body = JSON.stringify({ count, times })
    count = 0
    times = []
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    return
  }
  if (text.startsWith('POST /hang')) return
  count += 1
  const sent = sentAt.exec(text)?.[1]
  if (sent !== undefined) times.push(performance.timeOrigin + performance.now() - Number(sent))
  socket.write(ok)
}

function takeRequest(text: string): { text: string; length: number } | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const bodyLength = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, headEnd))?.[1] ?? 0)
  const length = headEnd + 4 + bodyLength
  return text.length < length ? undefined : { text: text.slice(0, length), length }
}
