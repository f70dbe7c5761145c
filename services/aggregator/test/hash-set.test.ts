import t from 'tap'
import { type Hash128, HashSet, hashEventName } from '../src/hash-set.ts'

t.test('a set holds exactly what was added, through all its growth', async (t) => {
  const set = new HashSet()
  const hash = (index: number): Hash128 => hashEventName('default', 'shop', String(index))
  for (let index = 0; index < 20_000; index += 1) {
    if (!set.add(hash(index))) t.fail(`${index} was said to be there`)
  }
  t.equal(set.size, 20_000)
  for (let index = 0; index < 20_000; index += 1) {
    if (!set.has(hash(index)) || set.add(hash(index))) t.fail(`${index} was lost`)
  }
  for (let index = 20_000; index < 60_000; index += 1) {
    if (set.has(hash(index))) t.fail(`${index} was never added`)
  }
  t.equal(set.size, 20_000)
  t.ok(set.bytes / set.size <= 43, `${set.bytes / set.size} bytes an id`)
})

t.test('hashes that meet in one slot are told apart by each of their words', async (t) => {
  const set = new HashSet()
  const meeting: Hash128[] = [
    [63, 0, 0, 0],
    [63, 1, 0, 0],
    [63, 0, 1, 0],
    [63, 0, 0, 1],
    [127, 0, 0, 0],
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0, 0, 0, 1],
  ]
  for (const hash of meeting) t.ok(set.add(hash))
  for (const hash of meeting) t.ok(set.has(hash))
  t.notOk(set.has([63, 1, 1, 0]))
  t.equal(set.size, meeting.length)
})

t.test('the hash of four zeros is one like others', async (t) => {
  const set = new HashSet()
  t.notOk(set.has([0, 0, 0, 0]))
  t.ok(set.add([0, 0, 0, 0]))
  t.notOk(set.add([0, 0, 0, 0]))
  t.ok(set.has([0, 0, 0, 0]))
  t.equal(set.size, 1)
})

t.test('tenant, source and id each make another name', async (t) => {
  const names = [
    hashEventName('a', 'b', 'c'),
    hashEventName('b', 'a', 'c'),
    hashEventName('a', 'bc', ''),
    hashEventName('ab', '', 'c'),
  ]
  t.equal(new Set(names.map(String)).size, names.length)
})
