import t from 'tap'
import type { Principal } from '../src/authenticate-key.ts'
import { createKeyUsageBook } from '../src/key-usage.ts'

const start = Date.parse('2026-01-01T00:00:00Z')

function key(perSecond?: number): Principal {
  return {
    tenant: 'acme',
    application: 'web-shop',
    scopes: new Set(),
    keyId: 'key_1',
    ...(perSecond !== undefined && { rateLimit: { perSecond } }),
  }
}

/** Two instances of one mesh on one clock. */
function setUp() {
  const clock = { nowMs: start }
  const now = (): number => clock.nowMs
  const one = createKeyUsageBook('one', now)
  const two = createKeyUsageBook('two', now)
  const exchange = (): void => {
    const told = [...one.collect(), ...two.collect()]
    for (const usage of told) for (const book of [one, two]) book.apply(usage, true)
  }
  return { clock, one, two, exchange }
}

t.test('a limited key is told what is left and when to come again', async (t) => {
  const { clock, one } = setUp()
  t.same(one.take(key(2), 1), {
    admitted: true,
    quota: 2,
    windowSeconds: 1,
    remaining: 1,
    resetSeconds: 1,
    retryAfterSeconds: 1,
  })
  t.match(one.take(key(2), 1), { admitted: true, remaining: 0 })
  t.match(one.take(key(2), 1), { admitted: false, remaining: 0, retryAfterSeconds: 1 })
  t.match(one.charge(key(2), 10), { admitted: true, remaining: 0, resetSeconds: 6, retryAfterSeconds: 6 })
  clock.nowMs += 5_500
  t.match(one.take(key(2), 1), { admitted: true })
})

t.test('a key without a limit, and the root key, are not limited', async (t) => {
  const { one } = setUp()
  t.equal(one.take(key(), 1_000_000), undefined)
  t.equal(one.take({ tenant: 'default', application: 'root', scopes: new Set() }, 1), undefined)
})

t.test('a limit holds for all instances once they have told each other', async (t) => {
  const { clock, one, two, exchange } = setUp()
  for (let taken = 0; taken < 6; taken += 1) one.take(key(10), 1)
  exchange()
  let admitted = 0
  for (let tries = 0; tries < 10; tries += 1) if (two.take(key(10), 1)?.admitted) admitted += 1
  t.equal(admitted, 4, 'also for an instance that sees the key for the first time')
  exchange()
  t.notOk(one.take(key(10), 1)?.admitted)
  clock.nowMs += 100
  t.ok(one.take(key(10), 1)?.admitted, 'its own takings count once')
})

t.test('what could not be told is told later', async (t) => {
  const { one, two } = setUp()
  one.take(key(10), 1)
  const untold = one.collect()
  t.match(untold, [{ tenant: 'acme', keyId: 'key_1', instance: 'one', taken: 1, perSecond: 10 }])
  t.same(one.collect(), [])
  one.restore(untold)
  one.take(key(10), 1)
  const [usage] = one.collect()
  t.equal(usage?.taken, 2)
  if (usage !== undefined) two.apply(usage, true)
  t.match(two.take(key(10), 1), { remaining: 7 })
})

t.test('after an outage others are held up for two seconds, not for as long as it was', async (t) => {
  const { clock, one, two } = setUp()
  const inFlight = []
  for (let tenths = 0; tenths < 300; tenths += 1) {
    one.take(key(10), 1)
    inFlight.push(...one.collect())
    clock.nowMs += 100
  }
  one.restore(inFlight.slice(0, 250))
  const restored = one.collect()
  t.match(restored, [{ taken: 10 }])
  for (const usage of inFlight.slice(250)) two.apply(usage, true)
  for (const usage of restored) two.apply(usage, true)
  clock.nowMs += 2_100
  t.ok(two.take(key(10), 1)?.admitted)
})

t.test('what others take in one batch holds here as well', async (t) => {
  const { clock, one, two, exchange } = setUp()
  one.take(key(10), 100)
  exchange()
  clock.nowMs += 8_000
  t.notOk(two.take(key(10), 1)?.admitted)
})

t.test('takings of the past change nothing, the last use does', async (t) => {
  const { one, two } = setUp()
  one.take(key(10), 5)
  for (const usage of one.collect()) two.apply(usage, false)
  t.match(two.take(key(10), 1), { remaining: 9 })
  t.equal(two.lastUsedAtUs('key_1'), start * 1_000)
})

t.test('the last use is told at once, and then every ten seconds', async (t) => {
  const { clock, one, two } = setUp()
  t.equal(one.lastUsedAtUs('key_1'), undefined)
  one.take(key(), 1)
  t.match(one.collect(), [{ taken: 0, lastUsedAtUs: start * 1_000, perSecond: 0 }])
  clock.nowMs += 9_999
  one.take(key(), 1)
  t.same(one.collect(), [])
  clock.nowMs += 1
  one.take(key(), 1)
  for (const usage of one.collect()) two.apply(usage, true)
  t.equal(two.lastUsedAtUs('key_1'), (start + 10_000) * 1_000)
})
