import t from 'tap'
import { chunkNames } from '../src/chunk-names.ts'

t.test('names are split by their bytes, in order, none left out', async (t) => {
  const names = Array.from({ length: 100 }, (_, index) => `${index}-${'ä'.repeat(2_000)}`)
  const chunks = chunkNames(names, (name) => [name])
  t.ok(chunks.length > 1)
  for (const chunk of chunks) t.ok(Buffer.byteLength(chunk.join('')) <= 48 * 1024)
  t.same(chunks.flat(), names)
})

t.test('one that is larger than all may be goes by itself', async (t) => {
  const chunks = chunkNames(['a', 'b'.repeat(60_000), 'c'], (name) => [name])
  t.same(
    chunks.map((chunk) => chunk.length),
    [1, 1, 1],
  )
})

t.test('nothing makes no question', async (t) => {
  t.same(
    chunkNames([], () => []),
    [],
  )
})
