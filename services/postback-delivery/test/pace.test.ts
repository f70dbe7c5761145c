import t from 'tap'
import { createPace } from '../src/pace.ts'

/** Requests that go within ten seconds, when as many are tried as can be. */
function startedWithin(perSecond: number, stepMs: number): number[] {
  const pace = createPace(perSecond)
  const started: number[] = []
  for (let nowMs = 0; nowMs < 10_000; nowMs += stepMs) {
    while (pace.waitMs(nowMs) === 0) {
      pace.take(nowMs)
      started.push(nowMs)
    }
  }
  return started
}

for (const perSecond of [0.5, 3, 50, 1_000, 7_000]) {
  t.test(`${perSecond} a second is kept to, in every second and over time`, async (t) => {
    const started = startedWithin(perSecond, 1)
    t.ok(
      Math.abs(started.length - perSecond * 10) <= 0.06 * perSecond + 1,
      `${started.length} in ten seconds`,
    )
    for (let fromMs = 0; fromMs <= 9_000; fromMs += 100) {
      const within = started.filter((ms) => ms >= fromMs && ms < fromMs + 1_000).length
      if (within > perSecond * 1.051 + 1) t.fail(`${within} from ${fromMs} ms on`)
    }
  })
}

t.test('a pause is not made up for, and a new rate holds from now on', async (t) => {
  const pace = createPace(10)
  pace.take(0)
  t.equal(pace.waitMs(40), 60)
  t.equal(pace.waitMs(60_000), 0)
  pace.take(60_000)
  t.equal(pace.waitMs(60_000), 100)
  t.equal(pace.forgetsAtMs(), 60_100)
  pace.change(1)
  pace.take(60_100)
  t.equal(pace.waitMs(60_100), 1_000)
})
