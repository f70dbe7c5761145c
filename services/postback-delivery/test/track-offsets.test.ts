import t from 'tap'
import { createOffsetTracker, decodeProgress, encodeProgress, longestSpan } from '../src/track-offsets.ts'

t.test('the low watermark stops at the first record that is not finished', async (t) => {
  const tracker = createOffsetTracker(10)
  t.equal(tracker.lowWatermark(), 10)
  for (const offset of [10, 11, 12, 13]) tracker.begin(offset)
  tracker.finish(11)
  tracker.finish(13)
  t.equal(tracker.lowWatermark(), 10)
  t.same(tracker.finishedAbove(), [11, 13])
  t.equal(tracker.span(), 4)
  tracker.finish(10)
  t.equal(tracker.lowWatermark(), 12)
  t.same(tracker.finishedAbove(), [13])
  tracker.finish(12)
  t.equal(tracker.lowWatermark(), 14)
  t.same(tracker.finishedAbove(), [])
  t.equal(tracker.span(), 0)
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
  tracker.begin(7)
  t.equal(tracker.lowWatermark(), 7)
})

t.test('what a former owner had finished is not begun again, and is passed over', async (t) => {
  const tracker = createOffsetTracker(10, [11, 13])
  t.same(tracker.finishedAbove(), [11, 13])
  tracker.begin(10)
  t.ok(tracker.isFinished(11))
  t.notOk(tracker.isFinished(12))
  tracker.begin(12)
  t.ok(tracker.isFinished(13))
  tracker.finish(10)
  t.equal(tracker.lowWatermark(), 12)
  t.same(tracker.finishedAbove(), [13], 'a second crash must not forget it')
  tracker.finish(12)
  t.equal(tracker.lowWatermark(), 14)
})

t.test('finishing twice, or what was never begun, changes nothing', async (t) => {
  const tracker = createOffsetTracker(0)
  tracker.begin(0)
  tracker.begin(1)
  tracker.finish(0)
  tracker.finish(0)
  tracker.finish(99)
  t.equal(tracker.lowWatermark(), 1)
  t.same(tracker.finishedAbove(), [])
})

t.test('progress comes back from its metadata', async (t) => {
  for (const finished of [[], [101], [100 + longestSpan], [101, 103, 108, 109, 999], [100, 107]]) {
    const metadata = encodeProgress('tag', 100, finished)
    t.same(decodeProgress(metadata, 100), finished)
  }
})

t.test('progress of the longest span fits into what a broker takes', async (t) => {
  const finished = Array.from({ length: longestSpan }, (_, index) => 1_000_001 + index)
  t.ok(encodeProgress('01234567-1234567890', 1_000_000, finished).length < 4_096)
})

t.test('metadata of somebody else is recognised', async (t) => {
  t.equal(decodeProgress('hello', 0), undefined)
  t.equal(decodeProgress('2;x;AA', 0), undefined)
})

t.test('it says what a plain count says, for any order of finishing', async (t) => {
  let seed = 7
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const tracker = createOffsetTracker(0)
  const open: number[] = []
  const finished = new Set<number>()
  let next = 0
  for (let step = 0; step < 5_000; step += 1) {
    if (open.length === 0 || random(2) === 0) {
      next += random(3)
      tracker.begin(next)
      open.push(next)
      next += 1
    } else {
      const [offset] = open.splice(random(open.length), 1)
      if (offset === undefined) continue
      tracker.finish(offset)
      finished.add(offset)
    }
    const low = open.length > 0 ? Math.min(...open) : next
    if (tracker.lowWatermark() !== low) t.fail('another low watermark', { step })
    const above = [...finished].filter((offset) => offset > low).sort((a, b) => a - b)
    if (JSON.stringify(tracker.finishedAbove()) !== JSON.stringify(above)) t.fail('another set', { step })
  }
  t.pass('5,000 steps agreed')
})
