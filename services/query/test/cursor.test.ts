import t from 'tap'
import { createCursorCodec } from '../src/cursor.ts'

const codec = createCursorCodec('a-root-key-of-tests')
const refusal = { name: 'ServiceError', code: 'invalid-request' } as unknown as Error

t.test('a cursor gives back its position, on any instance with the same root key', async (t) => {
  const cursor = codec.encode('query', ['1', 'å"\n', ''])
  t.same(codec.decode('query', cursor), ['1', 'å"\n', ''])
  t.same(createCursorCodec('a-root-key-of-tests').decode('query', cursor), ['1', 'å"\n', ''])
  t.match(cursor, /^[\w-]+$/, 'fits into an address as it is')
})

t.test('a cursor that was changed, cut, made up or made for another query is refused', async (t) => {
  const cursor = codec.encode('query', ['100', 'b'])
  const bytes = Buffer.from(cursor, 'base64url')
  for (let index = 0; index < bytes.length; index += 1) {
    const changed = Buffer.from(bytes)
    changed[index] = (changed[index] ?? 0) ^ 1
    t.throws(() => codec.decode('query', changed.toString('base64url')), refusal, `byte ${index}`)
  }
  t.throws(() => codec.decode('other query', cursor), refusal)
  t.throws(() => codec.decode('query', cursor.slice(0, -4)), refusal)
  for (const text of ['', 'x', 'AAAA', Buffer.from('["1"]').toString('base64url')]) {
    t.throws(() => codec.decode('query', text), refusal)
  }
  t.throws(() => createCursorCodec('another-root-key').decode('query', cursor), refusal)
})
