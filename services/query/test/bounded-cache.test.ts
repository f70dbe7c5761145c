import t from 'tap'
import { createBoundedCache } from '../src/bounded-cache.ts'

t.test('what is kept stays within its bytes', async (t) => {
  let evicted = 0
  const cache = createBoundedCache<number>(100_000, () => {
    evicted += 1
  })
  for (let index = 0; index < 1_000; index += 1) {
    cache.set(`key ${index}`, index, 1_000)
    t.ok(cache.bytes() <= 100_000)
  }
  t.ok(cache.entries() > 60)
  t.equal(evicted, 1_000 - cache.entries())
})

t.test('a value is replaced, and refused when it is too large for the room', async (t) => {
  const cache = createBoundedCache<string>(10_000)
  cache.set('a', 'one', 100)
  cache.set('a', 'two', 500)
  t.equal(cache.get('a'), 'two')
  t.equal(cache.bytes(), 500 + 1 + 200)
  cache.set('a', 'huge', 5_000)
  t.equal(cache.get('a'), undefined, 'an older value would be wrong')
  t.equal(cache.bytes(), 0)
  t.equal(cache.entries(), 0)
  const none = createBoundedCache<string>(0)
  none.set('a', 'one', 0)
  t.equal(none.get('a'), undefined)
})

t.test('a walk through everything does not push out what is asked for again and again', async (t) => {
  const cache = createBoundedCache<number>(100_000)
  const popular = Array.from({ length: 20 }, (_, index) => `popular ${index}`)
  const ask = (key: string): boolean => {
    const found = cache.get(key) !== undefined
    if (!found) cache.set(key, 1, 1_000)
    return found
  }
  let hits = 0
  for (let round = 0; round < 200; round += 1) {
    for (const key of popular) hits += ask(key) ? 1 : 0
    for (let index = 0; index < 50; index += 1) ask(`once ${round} ${index}`)
  }
  t.ok(hits > 0.95 * 200 * popular.length, `${hits} hits`)
})

t.test('keys that left are counted, and forgotten when few entries are left', async (t) => {
  const cache = createBoundedCache<number>(1_000_000)
  const longKey = (index: number): string => `${index} ${'x'.repeat(100)}`
  for (let index = 0; index < 10_000; index += 1) cache.set(longKey(index), index, 10)
  const many = cache.entries()
  for (let index = 0; index < 100; index += 1) cache.set(`large ${index}`, index, 100_000)
  t.ok(cache.entries() < many / 100)
  const large = Array.from({ length: 100 }, (_, index) => `large ${index}`)
  const held = large.reduce(
    (sum, key) => sum + (cache.get(key) === undefined ? 0 : 100_000 + key.length + 200),
    0,
  )
  const ofGhosts = cache.bytes() - held
  t.ok(ofGhosts > 0, 'counted')
  t.ok(ofGhosts < 110 * 250, `${ofGhosts} bytes of keys that left`)
  t.ok(cache.bytes() <= 1_000_000)
})
