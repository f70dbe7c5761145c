import t from 'tap'
import { createOffsetTracker } from '../src/track-offsets.ts'

t.test('the low watermark stops at the first record that is not finished', async (t) => {
  const tracker = createOffsetTracker(10)
  t.equal(tracker.lowWatermark(), 10)
  for (const offset of [10, 11, 12, 13]) tracker.begin(offset)
  tracker.finish(11)
  tracker.finish(13)
  t.equal(tracker.lowWatermark(), 10)
  t.same(tracker.progress(), { end: 14, unfinished: [10, 12] })
  tracker.finish(10)
  t.equal(tracker.lowWatermark(), 12)
  tracker.finish(12)
  t.equal(tracker.lowWatermark(), 14)
  t.same(tracker.progress(), { end: 14, unfinished: [] })
})

t.test('offsets that hold no record, such as those of transactions, do not stop it', async (t) => {
  const tracker = createOffsetTracker(0)
  tracker.begin(0)
  tracker.begin(5)
  tracker.finish(0)
  t.equal(tracker.lowWatermark(), 5)
  tracker.finish(5)
  t.equal(tracker.lowWatermark(), 6)
})

t.test('without a committed offset nothing is known until the first record', async (t) => {
  const tracker = createOffsetTracker(undefined)
  t.equal(tracker.lowWatermark(), undefined)
  t.equal(tracker.progress(), undefined)
  tracker.begin(7)
  t.equal(tracker.lowWatermark(), 7)
})

t.test('what a former owner had finished is not begun again, and is passed over', async (t) => {
  const tracker = createOffsetTracker(10, { end: 14, unfinished: [10, 12] })
  t.notOk(tracker.isFinished(10))
  tracker.begin(10)
  t.ok(tracker.isFinished(11))
  tracker.finish(10)
  t.equal(tracker.lowWatermark(), 12, 'what has not been read again is not finished')
  t.same(tracker.progress(), { end: 14, unfinished: [12] }, 'a second crash must not forget it')
  t.notOk(tracker.isFinished(12))
  tracker.begin(12)
  tracker.finish(12)
  t.equal(tracker.lowWatermark(), 14)
  t.ok(tracker.isFinished(13))
  t.notOk(tracker.isFinished(14))
})

t.test('what a former owner had not finished and is not there any more holds nothing up', async (t) => {
  const tracker = createOffsetTracker(10, { end: 100, unfinished: [10, 20, 30] })
  t.notOk(tracker.isFinished(20))
  tracker.begin(20)
  t.equal(tracker.lowWatermark(), 20)
  t.ok(tracker.isFinished(40))
  tracker.finish(20)
  t.equal(tracker.lowWatermark(), 100)
})

t.test('finishing twice, or what was never begun, changes nothing', async (t) => {
  const tracker = createOffsetTracker(0)
  tracker.begin(0)
  tracker.begin(1)
  tracker.finish(0)
  tracker.finish(0)
  tracker.finish(99)
  t.equal(tracker.lowWatermark(), 1)
  t.equal(tracker.unfinished(), 1)
})

t.test('a million finished records behind one that is not take no memory', async (t) => {
  const tracker = createOffsetTracker(0)
  tracker.begin(0)
  for (let offset = 1; offset <= 1_000_000; offset += 1) {
    tracker.begin(offset)
    tracker.finish(offset)
  }
  t.same(tracker.progress(), { end: 1_000_001, unfinished: [0] })
  t.equal(tracker.unfinished(), 1)
})

t.test('it says what a plain count says, for any order of finishing', async (t) => {
  let seed = 7
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const tracker = createOffsetTracker(0)
  const open: number[] = []
  let next = 0
  for (let step = 0; step < 5_000; step += 1) {
    if (open.length === 0 || random(2) === 0) {
      next += random(3)
      tracker.begin(next)
      open.push(next)
      next += 1
    } else {
      const [offset] = open.splice(random(open.length), 1)
      if (offset !== undefined) tracker.finish(offset)
    }
    const expected = { end: next, unfinished: open.toSorted((a, b) => a - b) }
    if (JSON.stringify(tracker.progress()) !== JSON.stringify(expected)) t.fail('another set', { step })
    if (tracker.lowWatermark() !== (expected.unfinished[0] ?? next)) t.fail('another mark', { step })
  }
  t.pass('5,000 steps agreed')
})
