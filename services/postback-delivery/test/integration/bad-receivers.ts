import type { Socket } from 'node:net'
import type { Verdict } from '../../src/judge-response.ts'

export interface BadReceiver {
  readonly what: string
  readonly talk: (socket: Socket) => void
  readonly statusCode: number
  /** Undefined where the response counts. */
  readonly code?: 'timeout' | 'reset' | 'protocol'
  readonly verdict: Verdict
}

/** Of each request to them. */
export const deadlineMs = 400
const head = (status: string, ...headers: string[]) =>
  `HTTP/1.1 ${status}\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`

/** Writes `next()` for as long as the other side takes it. */
function pour(socket: Socket, next: () => Buffer | string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(next())) {}
  }
  socket.on('drain', more)
  more()
}

function every(socket: Socket, ms: number, next: () => void): void {
  const timer = setInterval(next, ms)
  socket.on('close', () => clearInterval(timer))
}

const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
const interim = head('103 Early Hints', 'link: </style.css>; rel=preload')
const dripping = (text: string) => (socket: Socket) => {
  let at = 0
  every(socket, 10, () => {
    socket.write(text[at % text.length] ?? '')
    at += 1
  })
}

/** The policy, one row for each kind of bad luck. */
export const policy: readonly BadReceiver[] = [
  {
    what: 'accepts and says nothing',
    talk: () => undefined,
    statusCode: 0,
    code: 'timeout',
    verdict: 'retry',
  },
  {
    what: 'drips its headers, byte by byte',
    talk: dripping(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(10_000)}`),
    statusCode: 0,
    code: 'timeout',
    verdict: 'retry',
  },
  {
    what: 'answers 200 and drips its body',
    talk(socket) {
      socket.write(head('200 OK', 'content-length: 100000'))
      dripping('x')(socket)
    },
    statusCode: 200,
    code: 'timeout',
    verdict: 'retry',
  },
  {
    what: 'answers 200 after the deadline',
    talk: (socket) =>
      void setTimeout(() => socket.end(head('200 OK', 'content-length: 0')), deadlineMs + 200),
    statusCode: 0,
    code: 'timeout',
    verdict: 'retry',
  },
  {
    what: 'answers 200 and a body without an end',
    talk(socket) {
      socket.write(head('200 OK', 'transfer-encoding: chunked'))
      pour(socket, () => chunk)
    },
    statusCode: 200,
    verdict: 'delivered',
  },
  {
    what: 'answers 500 and 10 GB',
    talk(socket) {
      socket.write(head('500 No', 'content-length: 10737418240'))
      pour(socket, () => chunk)
    },
    statusCode: 500,
    verdict: 'retry',
  },
  {
    what: 'answers with headers without an end',
    talk(socket) {
      socket.write('HTTP/1.1 200 OK\r\n')
      pour(socket, () => `x-more: ${'y'.repeat(8_000)}\r\n`)
    },
    statusCode: 0,
    code: 'protocol',
    verdict: 'retry',
  },
  {
    what: 'answers with 17 KiB of headers',
    talk: (socket) => socket.write(head('200 OK', `x: ${'y'.repeat(17 * 1024)}`, 'content-length: 0')),
    statusCode: 0,
    code: 'protocol',
    verdict: 'retry',
  },
  {
    what: 'announces an answer without an end (1xx)',
    talk: (socket) => pour(socket, () => interim.repeat(500)),
    statusCode: 0,
    code: 'protocol',
    verdict: 'retry',
  },
  {
    what: 'announces its answer twice and then gives it',
    talk: (socket) => socket.write(interim + interim + head('204 No Content')),
    statusCode: 204,
    verdict: 'delivered',
  },
  {
    what: 'says 100 Continue unasked',
    talk: (socket) => socket.write(head('100 Continue') + head('200 OK', 'content-length: 0')),
    statusCode: 200,
    verdict: 'delivered',
  },
  {
    what: 'switches protocols',
    talk: (socket) =>
      socket.write(head('101 Switching Protocols', 'connection: upgrade', 'upgrade: websocket')),
    statusCode: 0,
    code: 'protocol',
    verdict: 'retry',
  },
  {
    what: 'does not speak HTTP',
    talk: (socket) => socket.end('220 mail.example\r\n'),
    statusCode: 0,
    code: 'protocol',
    verdict: 'retry',
  },
  {
    what: 'breaks its chunks',
    talk: (socket) => socket.write(`${head('200 OK', 'transfer-encoding: chunked')}zz\r\nxx\r\n`),
    statusCode: 200,
    code: 'protocol',
    verdict: 'retry',
  },
  {
    what: 'gives two lengths',
    talk: (socket) => socket.write(`${head('200 OK', 'content-length: 2', 'content-length: 3')}abc`),
    statusCode: 0,
    code: 'protocol',
    verdict: 'retry',
  },
  {
    what: 'gives no status',
    talk: (socket) => socket.write('HTTP/1.1 OK\r\n\r\n'),
    statusCode: 0,
    code: 'protocol',
    verdict: 'retry',
  },
  {
    what: 'closes without a word',
    talk: (socket) => socket.end(),
    statusCode: 0,
    code: 'reset',
    verdict: 'retry',
  },
  {
    what: 'resets',
    talk: (socket) => socket.resetAndDestroy(),
    statusCode: 0,
    code: 'reset',
    verdict: 'retry',
  },
  {
    what: 'closes in the middle of its headers',
    talk: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-'),
    statusCode: 0,
    code: 'reset',
    verdict: 'retry',
  },
  {
    what: 'answers 200 and closes in the middle of its body',
    talk: (socket) => socket.end(`${head('200 OK', 'content-length: 10')}abc`),
    statusCode: 200,
    code: 'reset',
    verdict: 'retry',
  },
  {
    what: 'answers 200 and closes in the middle of its chunks',
    talk: (socket) => socket.end(`${head('200 OK', 'transfer-encoding: chunked')}5\r\nab`),
    statusCode: 200,
    code: 'reset',
    verdict: 'retry',
  },
  {
    what: 'answers 200 and ends its body by closing',
    talk: (socket) => socket.end(`${head('200 OK', 'connection: close')}abc`),
    statusCode: 200,
    verdict: 'delivered',
  },
  {
    what: 'sends more than it was asked for',
    talk: (socket) => socket.write(head('200 OK', 'content-length: 0') + head('500 No', 'content-length: 0')),
    statusCode: 200,
    verdict: 'delivered',
  },
]
