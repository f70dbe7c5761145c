import { setImmediate } from 'node:timers/promises'
import { createLogger } from '@millrace/service-kit/log'
import { createReadiness } from '@millrace/service-kit/readiness'
import t, { type Test } from 'tap'
import { followLandedThrough } from '../src/landed-through.ts'
import type { LaneProgress } from '../src/partition-lane.ts'

const nowMs = Date.UTC(2026, 0, 1)

/** Follows one partition until its first answer; margin 1 s. */
async function follow(t: Test, progress: LaneProgress, high: number): Promise<number | undefined> {
  const landed = followLandedThrough(
    {
      lanes: () => [{ partition: 0, progress: () => progress }],
      watermarks: async () => ({ low: 0, high }),
      readiness: createReadiness([]),
      onChecked: () => {},
      logger: createLogger('test', 'silent'),
      now: () => nowMs,
    },
    { progressMarginMs: 1_000 },
  )
  t.teardown(landed.stop)
  await setImmediate()
  return landed.read()[0]?.throughUs
}

const idle: LaneProgress = {
  takenUp: true,
  nextOffset: 5,
  unlanded: false,
  oldestUnlandedUs: undefined,
  newestLandedUs: undefined,
}

t.test('a partition that is read to its end is complete up to now, less the margin', async (t) => {
  t.equal(await follow(t, idle, 5), (nowMs - 1_000) * 1_000)
})

t.test('a partition with something unread claims what it has landed, no more', async (t) => {
  t.equal(await follow(t, idle, 6), undefined)
  t.equal(await follow(t, { ...idle, newestLandedUs: 9_000_000 }, 6), 8_000_000)
})

t.test('a partition with something unlanded claims no time after it', async (t) => {
  const unlanded = { ...idle, unlanded: true, oldestUnlandedUs: 5_000_000, newestLandedUs: 9_000_000 }
  t.equal(await follow(t, unlanded, 5), 4_000_000)
  t.equal(await follow(t, { ...idle, unlanded: true }, 5), undefined, 'nor before it is ready')
  t.equal(
    await follow(t, { ...unlanded, takenUp: false }, 5),
    undefined,
    'nor as long as what a former owner wrote down may still be inserted',
  )
})

t.test('a partition that was given up claims nothing any more, at once', async (t) => {
  let lanes = [{ partition: 0, progress: () => idle }]
  const landed = followLandedThrough(
    {
      lanes: () => lanes,
      watermarks: async () => ({ low: 0, high: 5 }),
      readiness: createReadiness([]),
      onChecked: () => {},
      logger: createLogger('test', 'silent'),
      now: () => nowMs,
    },
    { progressMarginMs: 1_000 },
  )
  t.teardown(landed.stop)
  await setImmediate()
  t.equal(landed.read().length, 1)
  lanes = []
  t.same(landed.read(), [])
})

t.test('what was told by a clock that was set back is told anew', async (t) => {
  let clockMs = nowMs + 3_600_000
  const landed = followLandedThrough(
    {
      lanes: () => [{ partition: 0, progress: () => idle }],
      watermarks: async () => ({ low: 0, high: 5 }),
      readiness: createReadiness([]),
      onChecked: () => {},
      logger: createLogger('test', 'silent'),
      now: () => clockMs,
    },
    { progressMarginMs: 1_000 },
  )
  t.teardown(landed.stop)
  while (landed.read().length === 0) await setImmediate()
  clockMs = nowMs
  landed.forget()
  t.same(landed.read(), [], 'nothing is claimed until it was asked for by the right clock')
  while (landed.read().length === 0) await setImmediate()
  t.equal(landed.read()[0]?.throughUs, (nowMs - 1_000) * 1_000)
})
