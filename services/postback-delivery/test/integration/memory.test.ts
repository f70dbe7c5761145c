import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { deflateSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { startRawReceiver } from './sender-fixture.ts'
import type { SendMany, SentMany } from './sending-process.ts'

const atOnce = 500
const mebibyte = 1024 * 1024
/** Up to 10 MiB are seen; resident memory moves by some by itself. Held, the bodies would be gigabytes. */
const mostGrowthBytes = 24 * mebibyte

const head = (...headers: string[]) => `HTTP/1.1 200 OK\r\n${headers.join('\r\n')}\r\n\r\n`
const bombs = {
  gzip: gzipSync(Buffer.alloc(50_000_000)),
  deflate: deflateSync(Buffer.alloc(50_000_000)),
}

function pour(socket: Socket, chunk: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk)) {}
  }
  socket.on('drain', more)
  more()
}

const bomb = (encoding: 'gzip' | 'deflate') => (socket: Socket) => {
  socket.write(head(`content-encoding: ${encoding}`, `content-length: ${bombs[encoding].length}`))
  socket.write(bombs[encoding])
}

const endless = Buffer.from(`4000\r\n${'x'.repeat(0x4000)}\r\n`)
const rows: readonly (readonly [what: string, outcome: string, talk: (socket: Socket) => void])[] = [
  ['hang', 'timeout', () => undefined],
  [
    'drip a byte at a time',
    'timeout',
    (socket) => {
      socket.write(head('content-length: 100000'))
      const timer = setInterval(() => socket.write('x'), 100)
      socket.on('close', () => clearInterval(timer))
    },
  ],
  ['answer bombs (gzip)', '200', bomb('gzip')],
  ['answer bombs (deflate)', '200', bomb('deflate')],
  [
    'answer without an end',
    '200',
    (socket) => {
      socket.write(head('transfer-encoding: chunked'))
      pour(socket, endless)
    },
  ],
]

t.setTimeout(100_000)

t.test(`${atOnce} receivers at once that are up to no good do not take the sender’s memory`, async (t) => {
  const child = fork(new URL('./sending-process.ts', import.meta.url), { execArgv: ['--expose-gc'] })
  t.teardown(() => child.kill())
  const send = async (request: SendMany): Promise<SentMany> => {
    child.send(request)
    const [sent] = await once(child, 'message')
    return sent as SentMany
  }
  // As many connections as later on: what they take themselves is not the question.
  const good = await startRawReceiver(t, (socket) => {
    setTimeout(() => socket.end(`${head('connection: close', 'content-length: 2')}ok`), 300)
  })
  for (let round = 0; round < 3; round += 1) await send({ origin: good.origin, atOnce, timeoutMs: 20_000 })
  for (const [what, outcome, talk] of rows) {
    const receiver = await startRawReceiver(t, talk)
    const { growthBytes, outcomes } = await send({
      origin: receiver.origin,
      atOnce,
      timeoutMs: outcome === 'timeout' ? 2_000 : 20_000,
    })
    t.same(outcomes, { [outcome]: atOnce }, what)
    t.comment(`${what}: ${(growthBytes / mebibyte).toFixed(1)} MiB more`)
    t.ok(growthBytes < mostGrowthBytes, `${what}: ${growthBytes} bytes`)
  }
})
