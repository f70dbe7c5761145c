import t from 'tap'
import { hashEventName } from '../src/hash-set.ts'
import { SeenIds } from '../src/seen-ids.ts'

const hour = 3_600_000_000
const start = Date.UTC(2026, 0, 1) * 1_000
const id = (name: string) => hashEventName('default', 'shop', name)

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

t.test('slices that fell out of the window give their memory back', async (t) => {
  const seen = new SeenIds(24 * hour)
  for (let at = 0; at < 1_000; at += 1) seen.add(id(String(at)), start + at * hour, start + at * hour)
  t.ok(seen.size <= 24 + 2 * 3 + 1, `${seen.size} ids`)
  t.ok(seen.has(id('976'), start + 999 * hour))
})

t.test('a clock that is far ahead does not empty the window', async (t) => {
  const seen = new SeenIds(24 * hour)
  seen.add(id('a'), start, start)
  seen.add(id('b'), start + 1_000 * hour, start + hour)
  t.ok(seen.has(id('a'), start + hour))
})
