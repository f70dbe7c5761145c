import t from 'tap'
import { createTouchLog, type TouchLog, type TouchScope } from '../src/touch-log.ts'

const meter = { tenant: 'default', meter: 'visits', version: 3 }
const minutes = (fromMinute: number, toMinute: number) => ({ fromMinute, toMinute })
const isUntouched = (log: TouchLog, scope: TouchScope, since: number): boolean =>
  log.stateOf(scope, since) === 'untouched'

t.test(
  'what is being written counts as touched until it is over, and what was read before that for good',
  async (t) => {
    const log = createTouchLog()
    const scope = log.scope(meter, minutes(100, 200))
    const before = log.sequence()
    t.ok(isUntouched(log, scope, before))
    log.begin('a', 1, [{ ...meter, ...minutes(199, 201) }])
    const meanwhile = log.sequence()
    t.equal(log.stateOf(scope, before), 'being-written')
    t.equal(log.stateOf(scope, meanwhile), 'being-written')
    log.end('a', 1)
    t.equal(log.stateOf(scope, before), 'written')
    t.notOk(isUntouched(log, scope, before))
    t.notOk(isUntouched(log, scope, meanwhile), 'it may have been read before the rows were there')
    t.ok(isUntouched(log, scope, log.sequence()))
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
  t.ok(isUntouched(log, scope, 0))
  log.end('a', 1)
  t.ok(isUntouched(log, scope, 0))
})

t.test('a write may touch all versions of a meter, and all meters of a tenant', async (t) => {
  for (const wide of [
    { ...meter, version: 0 },
    { ...meter, meter: '', version: 0 },
  ]) {
    const log = createTouchLog()
    const scope = log.scope(meter, minutes(100, 200))
    log.begin('a', 1, [{ ...wide, ...minutes(150, 151) }])
    t.notOk(isUntouched(log, scope, log.sequence()))
    log.end('a', 1)
    t.notOk(isUntouched(log, scope, 0))
  }
})

t.test('two streams number their writes for themselves', async (t) => {
  const log = createTouchLog()
  const scope = log.scope(meter, minutes(100, 200))
  log.begin('a', 1, [{ ...meter, ...minutes(100, 101) }])
  log.begin('b', 1, [{ ...meter, ...minutes(100, 101) }])
  log.end('a', 1)
  t.notOk(isUntouched(log, scope, log.sequence()))
  log.drop('b')
  t.ok(isUntouched(log, scope, log.sequence()))
})

t.test(
  'more writes than are remembered touch what is older than all of them, never too little',
  async (t) => {
    const log = createTouchLog()
    const scope = log.scope(meter, minutes(0, 1))
    const first = log.sequence()
    for (let number = 1; number <= 20_000; number += 1) {
      log.begin('a', number, [{ ...meter, ...minutes(60 * number, 60 * number + 1) }])
      log.end('a', number)
    }
    t.ok(log.ranges() <= 8_192)
    t.notOk(isUntouched(log, scope, first), 'forgotten')
    t.ok(isUntouched(log, scope, log.sequence() - 2_000), 'remembered')
    const same = createTouchLog()
    const other = same.scope(meter, minutes(0, 1))
    for (let number = 1; number <= 20_000; number += 1) {
      same.begin('a', number, [{ ...meter, ...minutes(5, 6) }])
      same.end('a', number)
    }
    t.ok(isUntouched(same, other, 0), 'the same minutes again and again are remembered as one')
    t.ok(same.ranges() <= 256)
  },
)

t.test('a month of live minutes takes few ranges, and whole hours are told apart', async (t) => {
  const log = createTouchLog()
  const scopes = [0, 1, 2].map((hour) => log.scope(meter, minutes(60 * hour, 60 * hour + 60)))
  const after: number[] = []
  for (let minute = 0; minute < 43_200; minute += 1) {
    log.begin('a', minute, [{ ...meter, ...minutes(Math.max(0, minute - 1), minute + 1) }])
    log.end('a', minute)
    // The first minute of the next hour still touches this one.
    if (minute % 60 === 0 && minute > 0) after.push(log.sequence())
  }
  t.ok(log.ranges() <= 2 * 2 * 720, `${log.ranges()} ranges`)
  for (const [hour, scope] of scopes.entries()) {
    const since = after[hour] as number
    t.ok(isUntouched(log, scope, since), `hour ${hour} is over`)
    t.notOk(isUntouched(log, scope, since - 1), `hour ${hour} was written to`)
  }
})

t.test(
  'of what no report asks for any more nothing is kept, and no old answer is taken for true',
  async (t) => {
    let nowMs = 0
    let number = 0
    const log = createTouchLog(() => nowMs)
    const write = (range: object = {}): void => {
      number += 1
      log.begin('a', number, [{ ...meter, ...minutes(number % 50, (number % 50) + 1), ...range }])
      log.end('a', number)
    }
    write()
    t.equal(log.ranges(), 0, 'of what nobody ever asked for')
    const read = log.scope(meter, minutes(0, 60))
    const old = log.scope({ ...meter, version: 2 }, minutes(0, 60))
    t.ok(isUntouched(log, read, log.sequence()))
    t.notOk(isUntouched(log, read, log.sequence() - 1), 'how it was before is not known')
    for (let count = 0; count < 40; count += 1) write({ version: 2 })
    const sequence = log.sequence()
    t.equal(log.ranges(), 40)
    for (let hours = 1; hours <= 3; hours += 1) {
      nowMs += 3_600_000
      isUntouched(log, read, sequence)
      write({ meter: 'orders' })
    }
    t.equal(log.ranges(), 0, 'the superseded version is gone')
    t.ok(isUntouched(log, read, sequence), 'what is asked for stays')
    t.notOk(isUntouched(log, old, log.sequence()), 'who holds the old book hears of nothing')
    const anew = log.scope({ ...meter, version: 2 }, minutes(0, 60))
    t.notOk(isUntouched(log, anew, sequence), 'nor does the new one know what was before it')
    const since = log.sequence()
    t.ok(isUntouched(log, anew, since))
    write({ version: 2 })
    t.notOk(isUntouched(log, anew, since))
  },
)

t.test('a write under way is not forgotten, whoever asks when', async (t) => {
  let nowMs = 0
  const log = createTouchLog(() => nowMs)
  log.begin('a', 1, [{ ...meter, ...minutes(0, 1) }])
  for (let number = 2; number <= 5; number += 1) {
    nowMs += 3_600_000
    log.begin('a', number, [])
  }
  const scope = log.scope(meter, minutes(0, 60))
  const since = log.sequence()
  t.notOk(isUntouched(log, scope, since))
  log.end('a', 1)
  t.notOk(isUntouched(log, scope, since))
  t.ok(isUntouched(log, scope, log.sequence()))
})
