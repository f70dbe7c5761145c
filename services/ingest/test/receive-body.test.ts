import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { ServiceError } from '@millrace/service-kit/errors'
import t, { type Test } from 'tap'
import { readCodings } from '../src/content-coding.ts'
import { collectBody, type IncomingBody, receiveBody } from '../src/receive-body.ts'

const maxBytes = 1_000_000
const limits = { maxBytes, grow: () => undefined }

/** A body as a request brings it, in pieces of one size. */
function bodyOf(bytes: Buffer, coding = '', pieceBytes = 1_024): IncomingBody {
  const pieces = function* () {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
  }
  const payload = Readable.from(pieces(), { objectMode: false })
  return { payload, codings: readCodings(coding), announcedBytes: undefined }
}

function collect(bytes: Buffer, coding: string, pieceBytes?: number, max = maxBytes): Promise<Buffer> {
  return collectBody(bodyOf(bytes, coding, pieceBytes), { ...limits, maxBytes: max })
}

const text = Buffer.from(
  JSON.stringify(Array.from({ length: 2_000 }, (_, n) => ({ id: `${n}`, type: 'a', data: { n } }))),
)
const codings = [
  ['gzip', gzipSync],
  ['X-GZip', gzipSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const

t.test('a body comes out of each coding as it went in, whatever its pieces', async (t) => {
  for (const [coding, encode] of codings) {
    for (const pieceBytes of [1, 1_024, 1 << 20]) {
      t.ok(
        (await collect(encode(text), coding, pieceBytes)).equals(text),
        `${coding} in pieces of ${pieceBytes}`,
      )
    }
  }
  t.ok((await collect(text, '')).equals(text))
  t.ok((await collect(text, 'identity')).equals(text))
  t.ok(
    (await collect(brotliCompressSync(gzipSync(text)), 'gzip, identity,br')).equals(text),
    'two, in their order',
  )
  t.ok(
    (await collect(Buffer.concat([gzipSync('ab'), gzipSync('cd')]), 'gzip')).equals(Buffer.from('abcd')),
    'members',
  )
})

t.test('what is cut off, broken, empty or followed by something is refused', async (t) => {
  for (const [coding, encode] of codings) {
    const good = encode(text)
    for (const pieceBytes of [1, 1_024, 1 << 20]) {
      const what = `${coding} in pieces of ${pieceBytes}`
      await t.rejects(
        collect(good.subarray(0, -5), coding, pieceBytes),
        { code: 'invalid-request', message: /cut off/ },
        what,
      )
      await t.rejects(
        collect(Buffer.concat([good, Buffer.from('garbage')]), coding, pieceBytes),
        { code: 'invalid-request' },
        what,
      )
      await t.rejects(
        collect(text, coding, pieceBytes),
        { code: 'invalid-request', message: /decompress|after/ },
        what,
      )
    }
    await t.rejects(collect(Buffer.alloc(0), coding), { code: 'invalid-request', message: /cut off/ })
    const corrupt = Buffer.from(good)
    for (let at = 40; at < 200; at += 1) corrupt[at] = 0xff
    await t.rejects(collect(corrupt, coding), { code: 'invalid-request' }, `${coding} corrupt`)
  }
})

t.test('the limit holds before and after decompression, and in between', async (t) => {
  const zeros = Buffer.alloc(maxBytes + 1)
  for (const [coding, encode] of codings) {
    t.equal((await collect(encode(zeros.subarray(1)), coding)).length, maxBytes)
    await t.rejects(collect(encode(zeros), coding), { code: 'too-large' }, coding)
  }
  await t.rejects(collect(zeros, ''), { code: 'too-large' })
  await t.rejects(collect(gzipSync(text), 'gzip', 100, 200), { code: 'too-large' }, 'as it is sent')
  // Decompresses to a hundred thousand empty members, and those to nothing.
  const empties = gzipSync(Buffer.concat(Array.from({ length: 100_000 }, () => gzipSync(''))))
  await t.rejects(collect(empties, 'gzip, gzip'), { code: 'too-large' }, 'in between')
})

t.test('a bomb is cut off at the limit, not decompressed to its end', async (t) => {
  const bomb = brotliCompressSync(Buffer.alloc(1 << 27), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 16 },
  })
  let seen = 0
  const receiving = receiveBody(bodyOf(bomb, 'br'), limits, ({ length }) => {
    seen += length
  })
  await t.rejects(receiving, { code: 'too-large' })
  t.ok(seen <= maxBytes, `${seen} bytes of ${1 << 27}`)
})

t.test('a window larger than 8 MiB is not allocated', async (t) => {
  const wide = zstdCompressSync(Buffer.alloc(100_000_000), {
    params: { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_enableLongDistanceMatching]: 1 },
  })
  await t.rejects(collect(wide, 'zstd'), { code: 'invalid-request', message: /decompress/ })
})

t.test('unknown and too many codings are told before the body is read', (t) => {
  for (const coding of [
    'deflate',
    'gzip, compress',
    '__proto__',
    'constructor',
    'gzip;q=1',
    'x'.repeat(10_000),
  ]) {
    t.throws(() => readCodings(coding), { code: 'unsupported-media-type', message: /gzip, br, zstd/ })
  }
  t.throws(() => readCodings('gzip, gzip, gzip'), { code: 'unsupported-media-type', message: /at most 2/ })
  t.end()
})

t.test('what takes the body, and what counts it, may refuse it', async (t) => {
  const refusal = new ServiceError('unavailable', 'no')
  const refuse = (): never => {
    throw refusal
  }
  await t.rejects(receiveBody(bodyOf(gzipSync(text), 'gzip'), limits, refuse), refusal)
  await t.rejects(collectBody(bodyOf(gzipSync(text), 'gzip'), { maxBytes, grow: refuse }), refusal)
  let counted = 0
  const count = (bytes: number): void => {
    counted += bytes
  }
  await collectBody(bodyOf(gzipSync(text), 'gzip'), { maxBytes, grow: count })
  t.equal(counted, text.length)
  await collectBody(bodyOf(brotliCompressSync(text), 'br'), { maxBytes, grow: count })
  t.equal(counted, 3 * text.length, 'with the window of br')
  t.ok(
    (await collectBody(bodyOf(text), { maxBytes, grow: refuse })).equals(text),
    'what was sent is not counted here',
  )
})

/** What became of a body that a real connection brought. */
async function receiveOver(t: Test, send: (port: number) => void): Promise<unknown> {
  const server = createServer()
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  send((server.address() as AddressInfo).port)
  const [incoming] = (await once(server, 'request')) as [IncomingMessage]
  const announcedBytes = Number(incoming.headers['content-length'])
  return collectBody({ payload: incoming, codings: [], announcedBytes }, limits).catch(
    (error: unknown) => error,
  )
}

t.test('a sender that goes away in the middle ends the wait', async (t) => {
  const outcome = await receiveOver(t, (port) => {
    const sending = request({ port, method: 'POST', headers: { 'content-length': 100 } })
    sending.on('error', () => undefined)
    sending.write('half', () => sending.destroy())
  })
  t.match(outcome, { code: 'invalid-request', message: /before all/ })
})

t.test('a length above the limit is told without a byte of the body', async (t) => {
  const outcome = await receiveOver(t, (port) => {
    const sending = request({ port, method: 'POST', headers: { 'content-length': maxBytes + 1 } })
    sending.on('error', () => undefined)
    sending.flushHeaders()
    t.teardown(() => sending.destroy())
  })
  t.match(outcome, { code: 'too-large' })
})
