import t from 'tap'
import { createClock } from '../src/clock.ts'

t.test('the clock tells microseconds within two milliseconds of the system’s', async (t) => {
  const now = createClock()
  const before = Date.now()
  const us = now()
  t.ok(us >= (before - 2) * 1_000 && us <= (Date.now() + 2) * 1_000)
  t.ok(Number.isSafeInteger(us))
})

t.test('a system clock that was set is followed', async (t) => {
  const now = createClock()
  const original = Date.now
  t.teardown(() => {
    Date.now = original
  })
  Date.now = () => original() + 3_600_000
  t.ok(now() >= (original() + 3_599_000) * 1_000)
})
