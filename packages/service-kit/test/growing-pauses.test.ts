import t from 'tap'
import { createGrowingPauses } from '../src/growing-pauses.ts'

function setUp() {
  const clock = { now: 1_000 }
  return { clock, pauses: createGrowingPauses({ firstMs: 100, longestMs: 350, now: () => clock.now }) }
}

t.test('what fails is left alone, each time for twice as long, up to a limit', async (t) => {
  const { pauses } = setUp()
  t.same(
    Array.from({ length: 4 }, () => pauses.failed('one')),
    [100, 200, 350, 350],
  )
})

t.test('others are not, and a success begins anew', async (t) => {
  const { clock, pauses } = setUp()
  pauses.failed('one')
  t.ok(pauses.isPaused('one'))
  t.notOk(pauses.isPaused('other'))
  clock.now += 100
  t.notOk(pauses.isPaused('one'), 'its time is over')
  t.equal(pauses.failed('one'), 200, 'but not what it has come to')
  pauses.succeeded('one')
  t.notOk(pauses.isPaused('one'))
  t.equal(pauses.failed('one'), 100)
})

t.test('it tells when the first pause ends', async (t) => {
  const { clock, pauses } = setUp()
  t.equal(pauses.untilNextMs(), Number.POSITIVE_INFINITY)
  pauses.failed('one')
  clock.now += 60
  pauses.failed('other')
  t.equal(pauses.untilNextMs(), 40)
  clock.now += 40
  t.equal(pauses.untilNextMs(), 60, 'one that is over counts no more')
})
