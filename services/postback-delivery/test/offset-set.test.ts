import t from 'tap'
import { createOffsetSet } from '../src/offset-set.ts'

t.test('an offset is in the set once it was added, and no other one is', (t) => {
  const set = createOffsetSet()
  const added = [0, 31, 32, 32_767, 32_768, 5_000_000_000, 2 ** 52 + 31]
  for (const offset of added) set.add(offset)
  for (const offset of added) {
    t.ok(set.has(offset), String(offset))
    t.notOk(set.has(offset + 2), `${offset} + 2`)
  }
  t.notOk(set.has(30))
  t.end()
})
