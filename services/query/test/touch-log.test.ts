import t from 'tap'
import { createTouchLog } from '../src/touch-log.ts'

const meter = { tenant: 'default', meter: 'visits', version: 3 }
const minutes = (fromMinute: number, toMinute: number) => ({ fromMinute, toMinute })

t.test(
  'what is being written counts as touched until it is over, and what was read before that for good',
  async (t) => {
    const log = createTouchLog()
    const scope = log.scope(meter, minutes(100, 200))
    const before = log.sequence()
    t.ok(log.isUntouched(scope, before))
    log.begin('a', 1, [{ ...meter, ...minutes(199, 201) }])
    const meanwhile = log.sequence()
    t.notOk(log.isUntouched(scope, before))
    t.notOk(log.isUntouched(scope, meanwhile))
    log.end('a', 1)
    t.notOk(log.isUntouched(scope, before))
    t.notOk(log.isUntouched(scope, meanwhile), 'it may have been read before the rows were there')
    t.ok(log.isUntouched(scope, log.sequence()))
  },
)

t.test('a write elsewhere touches nothing here', async (t) => {
  const log = createTouchLog()
  const scope = log.scope(meter, minutes(100, 200))
  log.begin('a', 1, [
    { ...meter, ...minutes(0, 100) },
    { ...meter, ...minutes(200, 201) },
    { ...meter, version: 2, ...minutes(0, 1_000) },
    { ...meter, meter: 'orders', ...minutes(0, 1_000) },
    { ...meter, tenant: 'other', ...minutes(0, 1_000) },
  ])
  t.ok(log.isUntouched(scope, 0))
  log.end('a', 1)
  t.ok(log.isUntouched(scope, 0))
})

t.test('a write may touch all versions of a meter, and all meters of a tenant', async (t) => {
  for (const wide of [
    { ...meter, version: 0 },
    { ...meter, meter: '', version: 0 },
  ]) {
    const log = createTouchLog()
    const scope = log.scope(meter, minutes(100, 200))
    log.begin('a', 1, [{ ...wide, ...minutes(150, 151) }])
    t.notOk(log.isUntouched(scope, log.sequence()))
    log.end('a', 1)
    t.notOk(log.isUntouched(scope, 0))
  }
})

t.test('two streams number their writes for themselves', async (t) => {
  const log = createTouchLog()
  const scope = log.scope(meter, minutes(100, 200))
  log.begin('a', 1, [{ ...meter, ...minutes(100, 101) }])
  log.begin('b', 1, [{ ...meter, ...minutes(100, 101) }])
  log.end('a', 1)
  t.notOk(log.isUntouched(scope, log.sequence()))
  log.drop('b')
  t.ok(log.isUntouched(scope, log.sequence()))
})

t.test(
  'more writes than are remembered touch what is older than all of them, never too little',
  async (t) => {
    const log = createTouchLog()
    const scope = log.scope(meter, minutes(0, 1))
    const first = log.sequence()
    for (let number = 1; number <= 20_000; number += 1) {
      log.begin('a', number, [{ ...meter, ...minutes(number, number + 1) }])
      log.end('a', number)
    }
    t.notOk(log.isUntouched(scope, first), 'forgotten')
    t.ok(log.isUntouched(scope, log.sequence() - 2_000), 'remembered')
    const same = createTouchLog()
    const other = same.scope(meter, minutes(0, 1))
    for (let number = 1; number <= 20_000; number += 1) {
      same.begin('a', number, [{ ...meter, ...minutes(5, 6) }])
      same.end('a', number)
    }
    t.ok(same.isUntouched(other, 0), 'the same minutes again and again are remembered as one')
  },
)
