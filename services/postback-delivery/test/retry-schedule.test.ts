import type { RetryPolicy } from '@millrace/proto'
import { retryTiers } from '@millrace/proto/topics'
import t from 'tap'
import { chooseTier, nextDelayMs, retriesOnly5xx, ripeAtMs, takeTurn } from '../src/retry-schedule.ts'

const policy = (parts: Partial<RetryPolicy>): RetryPolicy => ({
  preset: '',
  delaysMs: [],
  only5xx: false,
  ...parts,
})
const schedule = (of: RetryPolicy | undefined): number[] => {
  const delays: number[] = []
  for (let made = 1; ; made += 1) {
    const delay = nextDelayMs(of, made, undefined, 0)
    if (delay === undefined) return delays
    delays.push(delay / 1_000)
  }
}

t.test('webhook makes eight attempts in about a day, and is the default', async (t) => {
  const seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]
  t.same(schedule(policy({ preset: 'webhook' })), seconds)
  t.same(schedule(undefined), seconds)
})

t.test('5xx-only makes five attempts, 15 minutes apart', async (t) => {
  t.same(schedule(policy({ preset: '5xx-only' })), [900, 900, 900, 900])
  t.ok(retriesOnly5xx(policy({ preset: '5xx-only' })))
  t.notOk(retriesOnly5xx(policy({ preset: 'webhook' })))
  t.ok(retriesOnly5xx(policy({ delaysMs: [1], only5xx: true })))
})

t.test('explicit delays are kept; none mean one attempt', async (t) => {
  t.same(schedule(policy({ delaysMs: [100, 2_000] })), [0.1, 2])
  t.same(schedule(policy({})), [])
})

t.test('jitter makes a wait longer by up to a tenth, never shorter', async (t) => {
  const of = policy({ delaysMs: [10_000] })
  t.equal(nextDelayMs(of, 1, undefined, 0), 10_000)
  t.equal(nextDelayMs(of, 1, undefined, 0.5), 10_500)
  t.equal(nextDelayMs(of, 1, undefined, 0.999_999), 11_000)
})

t.test('retry-after makes a wait longer, up to 10 hours, and never shorter', async (t) => {
  const of = policy({ delaysMs: [10_000] })
  t.equal(nextDelayMs(of, 1, 60_000, 0), 60_000)
  t.equal(nextDelayMs(of, 1, 1_000, 0), 10_000)
  t.equal(nextDelayMs(of, 1, Number.POSITIVE_INFINITY, 0), 36_000_000)
  t.equal(nextDelayMs(of, 2, 60_000, 0), undefined, 'it buys no further attempt')
})

t.test('the tier is the largest that does not end too late', async (t) => {
  const labels = [0, 999, 1_000, 4_999, 5_000, 29_999, 30_000, 899_999, 900_000, 36_000_000, 90_000_000].map(
    (ms) => chooseTier(ms).label,
  )
  t.same(labels, ['1s', '1s', '1s', '1s', '5s', '5s', '30s', '5m', '15m', '10h', '10h'])
})

t.test(
  'a record takes its turn when it is due, waits in memory shortly before, and hops otherwise',
  async (t) => {
    const now = 1_700_000_000_000
    const turn = (inMs: number) => takeTurn({ notBeforeUs: (now + inMs) * 1_000 }, now)
    t.same(takeTurn({ notBeforeUs: 0 }, now), { kind: 'attempt' })
    t.same(turn(0), { kind: 'attempt' })
    t.same(turn(0.001), { kind: 'hold', ms: 1 })
    t.same(turn(1_000), { kind: 'hold', ms: 1_000 })
    t.match(turn(1_001), { kind: 'hop', tier: { label: '1s' } })
    t.match(turn(7_000), { kind: 'hop', tier: { label: '5s' } })
    const later = { notBeforeUs: (now + 7_000) * 1_000 }
    t.same(takeTurn(later, now, now + 300), { kind: 'hold', ms: 300 }, 'its tier is not over yet')
    t.same(takeTurn(later, now, now + 90_000), { kind: 'hold', ms: 1_000 }, 'whatever the clocks say')
    t.match(takeTurn(later, now, now), { kind: 'hop', tier: { label: '5s' } })
  },
)

t.test('every wait ends after a few hops, never early, and at most a moment late', async (t) => {
  for (const waitMs of [
    1, 500, 1_000, 1_001, 5_000, 5_499, 33_000, 317_000, 1_980_000, 40_000_000, 90_000_000,
  ]) {
    const start = 1_700_000_000_000
    const notBeforeUs = (start + waitMs) * 1_000
    let now = start
    let tier = chooseTier(waitMs)
    let hops = 0
    for (;;) {
      now = Math.max(now, ripeAtMs(now, tier.delayMs, notBeforeUs))
      const turn = takeTurn({ notBeforeUs }, now)
      if (turn.kind === 'hop') {
        tier = turn.tier
        hops += 1
        continue
      }
      if (turn.kind === 'hold') now += turn.ms
      break
    }
    t.ok(now >= start + waitMs && now < start + waitMs + 2, `${waitMs} ms waited exactly`)
    t.ok(hops <= retryTiers.length + 6, `${waitMs} ms in ${hops} hops`)
  }
})
