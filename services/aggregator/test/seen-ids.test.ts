import t from 'tap'
import { createNameHasher } from '../src/hash-name.ts'
import { SeenIds } from '../src/seen-ids.ts'

const hour = 3_600_000_000
const start = Date.UTC(2026, 0, 1) * 1_000
const hasher = createNameHasher(Buffer.alloc(16, 7))
const id = (name: string) => hasher.hashName('default', 'shop', name)

t.test('an id is a repeat within the window, and a fresh event past it', async (t) => {
  const seen = new SeenIds(24 * hour)
  seen.add(id('a'), start, start)
  t.ok(seen.has(id('a'), start))
  t.ok(seen.has(id('a'), start + 24 * hour))
  t.notOk(seen.has(id('a'), start + 28 * hour))
  t.notOk(seen.has(id('b'), start))
})

t.test('an event that was received before its repeat’s clock still counts as seen', async (t) => {
  const seen = new SeenIds(24 * hour)
  seen.add(id('a'), start + 5 * hour, start)
  t.ok(seen.has(id('a'), start))
})

t.test('ids that fell out of the window give their memory back', async (t) => {
  const seen = new SeenIds(24 * hour)
  for (let at = 0; at < 1_000; at += 1) seen.add(id(String(at)), start + at * hour, start + at * hour)
  t.ok(seen.size <= 24 + 2 * 3 + 1, `${seen.size} ids`)
  t.ok(seen.has(id('976'), start + 999 * hour))
  for (let at = 0; at < 10_000; at += 1)
    seen.add(id(`many-${at}`), start + 1_000 * hour, start + 1_000 * hour)
  const full = seen.bytes
  for (let days = 0; days < 20; days += 1) {
    const now = start + (1_100 + days * 24) * hour
    seen.add(id(`day-${days}`), now, now)
  }
  t.ok(seen.bytes < full / 50, `${seen.bytes} of ${full} bytes`)
})

t.test('exactly what was added is there, through all growth', async (t) => {
  const seen = new SeenIds(24 * hour)
  for (let index = 0; index < 20_000; index += 1) {
    if (seen.has(id(String(index)), start)) t.fail(`${index} was said to be there`)
    seen.add(id(String(index)), start + index * 1_000, start)
  }
  t.equal(seen.size, 20_000)
  for (let index = 0; index < 20_000; index += 1) {
    if (!seen.has(id(String(index)), start)) t.fail(`${index} was lost`)
    seen.add(id(String(index)), start, start)
  }
  for (let index = 20_000; index < 60_000; index += 1) {
    if (seen.has(id(String(index)), start)) t.fail(`${index} was never added`)
  }
  t.equal(seen.size, 20_000)
  t.ok(seen.bytes / seen.size <= 67, `${seen.bytes / seen.size} bytes an id`)
})

t.test('hashes that meet in one place are told apart by each of their words', async (t) => {
  const seen = new SeenIds(24 * hour)
  const meeting = [
    [63, 0, 0, 0],
    [63, 1, 0, 0],
    [63, 0, 1, 0],
    [63, 0, 0, 1],
    [127, 0, 0, 0],
    [-1, -1, -1, -1],
    [0, 0, 0, 1],
    [0, 0, 0, 0],
  ].map((words) => Int32Array.from(words))
  for (const hash of meeting) {
    t.notOk(seen.has(hash, start))
    seen.add(hash, start, start)
  }
  for (const hash of meeting) t.ok(seen.has(hash, start))
  t.notOk(seen.has(Int32Array.of(63, 1, 1, 0), start))
  t.equal(seen.size, meeting.length)
})

t.test('an id that comes again past the window is known from then on', async (t) => {
  const seen = new SeenIds(24 * hour)
  seen.add(id('a'), start, start)
  t.notOk(seen.has(id('a'), start + 30 * hour))
  seen.add(id('a'), start + 30 * hour, start + 30 * hour)
  t.ok(seen.has(id('a'), start + 50 * hour))
  t.equal(seen.size, 1)
})

t.test('a clock that is far ahead does not empty the window', async (t) => {
  const seen = new SeenIds(24 * hour)
  seen.add(id('a'), start, start)
  seen.add(id('b'), start + 1_000 * hour, start + hour)
  t.ok(seen.has(id('a'), start + hour))
})
