import t from 'tap'
import { Http1Error } from '../src/describe-failure.ts'
import type { Http1Head } from '../src/http1-head.ts'
import { Http1Parser } from '../src/http1-parser.ts'

interface Read {
  readonly statuses: number[]
  readonly body: string
  readonly ended: boolean
  /** Of the bytes that were there, those that were the response's. */
  readonly bytes: number
  readonly error: string | undefined
  readonly head: Http1Head | undefined
}

/** Reads a response that comes in pieces of so many bytes. */
function read(text: string, piece = text.length, closes = false): Read {
  const statuses: number[] = []
  let body = ''
  let ended = false
  let head: Http1Head | undefined
  const parser = new Http1Parser({
    onHead(one) {
      statuses.push(one.statusCode)
      head = one
    },
    onBody(part) {
      body += part.toString('latin1')
    },
    onEnd() {
      ended = true
    },
  })
  parser.begin()
  const all = Buffer.from(text, 'latin1')
  let bytes = 0
  let error: string | undefined
  try {
    for (let at = 0; at < all.length; at += piece) bytes += parser.read(all.subarray(at, at + piece))
    if (closes) parser.end()
  } catch (cause) {
    if (!(cause instanceof Http1Error)) throw cause
    error = cause.code
  }
  return { statuses, body, ended, bytes, error, head }
}

const response = (status: string, fields: readonly string[], body = ''): string =>
  `HTTP/1.1 ${status}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n${body}`

const whole = [
  ['with a length', response('200 OK', ['Content-Length: 5'], 'hello'), 'hello'],
  ['without a body', response('204 No Content', ['server: x']), ''],
  ['that is empty', response('200 OK', ['content-length: 0']), ''],
  ['without a reason', 'HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok', 'ok'],
  [
    'in chunks',
    response('200 OK', ['Transfer-Encoding: chunked'], '3\r\nabc\r\nA;x="y"\r\n0123456789\r\n0\r\n\r\n'),
    'abc0123456789',
  ],
  [
    'in chunks, with trailers',
    response('200 OK', ['transfer-encoding: gzip, chunked'], '1\r\na\r\n0\r\nx-sum: 1\r\n\r\n'),
    'a',
  ],
  [
    'after two that announce it',
    `${response('103 Early Hints', ['link: </a>'])}${response('102 Processing', [])}${response('201 Created', ['content-length: 1'], 'x')}`,
    'x',
  ],
] as const

for (const [what, text, body] of whole) {
  t.test(`a response ${what} is the same wherever its pieces end`, async (t) => {
    const once = read(text)
    t.match(once, { body, ended: true, bytes: text.length, error: undefined })
    t.equal(once.head?.persistent, true)
    for (let piece = 1; piece < text.length; piece += 1) t.same(read(text, piece), once, `${piece} at a time`)
  })
}

t.test('what follows a response is not the response’s', async (t) => {
  for (const [, text, body] of whole) {
    const more = `${text}HTTP/1.1 500 No\r\n\r\n`
    t.match(read(more), { body, ended: true, bytes: text.length, error: undefined })
  }
})

t.test('a response without a length ends with its connection, which nothing follows on', async (t) => {
  for (const fields of [
    [],
    ['connection: close'],
    ['transfer-encoding: gzip'],
    ['transfer-encoding: chunked, gzip'],
  ]) {
    const text = response('200 OK', fields, 'all that comes')
    t.match(read(text, 7), { ended: false, body: 'all that comes' })
    const closed = read(text, 7, true)
    t.match(closed, { ended: true, body: 'all that comes', error: undefined })
    t.equal(closed.head?.persistent, false)
  }
})

t.test('a connection that ends before the response does not end it', async (t) => {
  for (const text of [
    'HTTP/1.1 200 OK\r\ncontent-',
    response('200 OK', ['content-length: 9'], 'abc'),
    response('200 OK', ['transfer-encoding: chunked'], '5\r\nab'),
    response('200 OK', ['transfer-encoding: chunked'], '2\r\nab\r\n0\r\n'),
  ])
    t.equal(read(text, text.length, true).ended, false, text)
})

t.test('a connection is kept as the receiver says', async (t) => {
  const kept = (version: string, ...fields: string[]) => {
    const text = [`HTTP/${version} 200 OK`, ...fields, 'content-length: 0', '', ''].join('\r\n')
    return read(text).head?.persistent
  }
  t.equal(kept('1.1'), true)
  t.equal(kept('1.1', 'connection: keep-alive'), true)
  t.equal(kept('1.1', 'Connection: x, Close'), false)
  t.equal(kept('1.1', 'connection: keep-alive', 'connection: close'), false)
  t.equal(kept('1.0'), false)
  t.equal(kept('1.0', 'connection: Keep-Alive'), true)
  t.equal(
    read(response('200 OK', ['keep-alive: timeout=7, max=10', 'content-length: 0'])).head?.keepsMs,
    7_000,
  )
  t.equal(
    read(response('204 No', ['content-length: 3'])).head?.persistent,
    false,
    'a body may come all the same',
  )
})

t.test('what two readers could read in two ways is refused', async (t) => {
  const chunked = (body: string) => response('200 OK', ['transfer-encoding: chunked'], body)
  const refused = [
    response('200 OK', ['content-length: 2', 'content-length: 2'], 'ok'),
    response('200 OK', ['content-length: 2, 2'], 'ok'),
    response('200 OK', ['content-length: 0x2'], 'ok'),
    response('200 OK', ['content-length: -2'], 'ok'),
    response('200 OK', ['content-length:'], 'ok'),
    response('200 OK', ['content-length: 2', 'transfer-encoding: chunked'], '0\r\n\r\n'),
    response('200 OK', ['content-length : 2'], 'ok'),
    response('200 OK', ['content\u0000: 2'], 'ok'),
    response('200 OK', ['x: a\rb', 'content-length: 2'], 'ok'),
    response('200 OK', ['no field'], 'ok'),
    response('200 OK', ['x: a', ' b', 'content-length: 2'], 'ok'),
    'HTTP/1.1 200 OK\ncontent-length: 2\n\nok',
    'HTTP/1.1 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 099 OK\r\n\r\n',
    'HTTP/2.0 200 OK\r\n\r\n',
    'ICY 200 OK\r\n\r\n',
    '\r\nHTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    chunked('zz\r\nxx\r\n'),
    chunked('-1\r\nxx\r\n'),
    chunked('\r\nxx\r\n'),
    chunked('2 \r\nxx\r\n0\r\n\r\n'),
    chunked('2\r\nabc\r\n0\r\n\r\n'),
    chunked('2\nab\n0\n\n'),
    chunked('fffffffffffff\r\nab\r\n'),
    chunked('0\r\nno field\r\n\r\n'),
  ]
  for (const text of refused) {
    for (const piece of [text.length, 1])
      t.match(read(text, piece), { error: 'protocol', ended: false }, text)
  }
})

t.test('heads, lines and trailers have an end', async (t) => {
  const long = 'y'.repeat(17 * 1024)
  const many = Array.from({ length: 400 }, (_, n) => `x-${n}: ${'y'.repeat(40)}`)
  for (const text of [
    response('200 OK', [`x: ${long}`]),
    response('200 OK', many),
    `HTTP/1.1 200 OK\r\nx: ${long}`,
    response('200 OK', ['transfer-encoding: chunked'], `2;${long}`),
    response('200 OK', ['transfer-encoding: chunked'], `0\r\n${many.join('\r\n')}\r\n\r\n`),
  ])
    for (const piece of [text.length, 1_000]) t.match(read(text, piece), { error: 'protocol', ended: false })
})

t.test('what cannot become a response is refused before it has ended', async (t) => {
  for (const text of ['2', '220 mail.example\r\n', 'HTTP/2', 'HTTP/1.1 200 OK\n'])
    t.equal(read(text).error, 'protocol', text)
})

t.test(
  'nobody has asked to go on or to switch protocols: the one says nothing, the other ends it',
  async (t) => {
    const good = response('200 OK', ['content-length: 2'], 'ok')
    t.match(read(response('100 Continue', []) + good), {
      statuses: [100, 200],
      error: undefined,
      ended: true,
    })
    t.match(read(response('101 Switching Protocols', ['upgrade: x'])), { statuses: [], error: 'protocol' })
  },
)

t.test('a no-break space is no blank', async (t) => {
  for (const field of ['content-length: 2\xa0', 'content-length:\xa02'])
    t.match(read(response('200 OK', [field], 'ok')), { error: 'protocol' })
})

t.test('what chunks say beside their sizes is limited in all', async (t) => {
  const chunk = `1;${'x'.repeat(1_000)}\r\na\r\n`
  const many = (count: number) =>
    response('200 OK', ['transfer-encoding: chunked'], `${chunk.repeat(count)}0\r\n\r\n`)
  t.match(read(many(16)), { error: undefined, ended: true })
  t.match(read(many(17)), { error: 'protocol', ended: false })
})

t.test('a listener that has had enough is told nothing more', async (t) => {
  const told: string[] = []
  const parser = new Http1Parser({
    onHead: () => told.push('head'),
    onBody() {
      told.push('body')
      parser.stop()
    },
    onEnd: () => told.push('end'),
  })
  parser.begin()
  parser.read(
    Buffer.from(response('200 OK', ['transfer-encoding: chunked'], '1\r\na\r\n1\r\nb\r\n0\r\n\r\n')),
  )
  t.same(told, ['head', 'body'])
})
