import t from 'tap'
import { createBreakerWindow } from '../src/breaker-window.ts'

const limits = { windowMs: 30_000, minRequests: 10, failingRatio: 0.8 }

/** A request every so often, of which every n-th succeeds. */
function feed(requests: number, everyMs: number, everyNthGood: number) {
  const window = createBreakerWindow(limits)
  let nowMs = 1_000_000
  for (let index = 1; index <= requests; index += 1) {
    nowMs += everyMs
    window.add(index % everyNthGood !== 0, nowMs)
  }
  return { window, nowMs }
}

for (const [what, requests, everyMs, everyNthGood, failing] of [
  ['many failures over a while', 30, 1_000, 1_000, true],
  ['a burst of failures', 10_000, 0, 100_000, false],
  ['few failures', 9, 3_000, 1_000, false],
  ['every fourth good', 40, 700, 4, false],
  ['every tenth good', 40, 700, 10, true],
] as const) {
  t.test(`${what} ${failing ? 'is failing' : 'is not failing yet'}`, async (t) => {
    const { window, nowMs } = feed(requests, everyMs, everyNthGood)
    t.equal(window.isFailing(nowMs), failing)
  })
}

t.test('what lies further back than the window does not count', async (t) => {
  const { window, nowMs } = feed(30, 1_000, 1_000)
  t.notOk(window.isFailing(nowMs + 30_000))
  window.reset()
  t.notOk(window.isFailing(nowMs))
})
