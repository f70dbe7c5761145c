import t from 'tap'
import { createNameHasher, sipHash } from '../src/hash-name.ts'
import { makeEvent, viewEvent } from './event-fixture.ts'

const counting = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length }, (_, index) => index)

t.test('it is SipHash-2-4-128, by the vectors of its authors', async (t) => {
  // Source: github.com/veorq/SipHash, vectors.h: key 00 to 0f, input 00, 01, 02 ...
  const vectors: readonly (readonly [number, string])[] = [
    [0, 'a3817f04ba25a8e66df67214c7550293'],
    [1, 'da87c1d86b99af44347659119b22fc45'],
    [7, 'a1f1ebbed8dbc153c0b84aa61ff08239'],
    [8, '3b62a9ba6258f5610f83e264f31497b4'],
    [15, '5493e99933b0a8117e08ec0f97cfc3d9'],
  ]
  const key = new Int32Array(counting(16).buffer)
  for (const [length, expected] of vectors) {
    const hash = new Int32Array(4)
    sipHash(new DataView(counting(length).buffer), length, key, hash)
    t.equal(Buffer.from(hash.buffer).toString('hex'), expected, `${length} bytes`)
  }
})

t.test('an event in a message and its name as text have one hash', async (t) => {
  const hasher = createNameHasher(counting(16))
  for (const id of ['a', 'é'.repeat(700), 'x'.repeat(3_000), '\u{1f600}']) {
    const [tenant, source] = ['default', `shop/${'y'.repeat(50)}`]
    const hash = hasher.hashEvent(viewEvent(makeEvent('{}', { tenant, source, id }))).slice()
    t.strictSame(hash, hasher.hashName(tenant, source, id))
  }
})

t.test('tenant, source and id each make another name, and so does the key', async (t) => {
  const hasher = createNameHasher(counting(16))
  const other = createNameHasher(counting(17).subarray(1))
  const names = [
    hasher.hashName('a', 'b', 'c').join(),
    hasher.hashName('b', 'a', 'c').join(),
    hasher.hashName('a', 'bc', '').join(),
    hasher.hashName('ab', '', 'c').join(),
    other.hashName('a', 'b', 'c').join(),
  ]
  t.equal(new Set(names).size, names.length)
})
