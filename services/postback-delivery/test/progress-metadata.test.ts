import t from 'tap'
import { decodeProgress, encodeProgress, estimateBytes, maxMetadataBytes } from '../src/progress-metadata.ts'
import { createOffsetTracker, type Progress } from '../src/track-offsets.ts'

const roundTrip = (progress: Progress): Progress | undefined =>
  decodeProgress(encodeProgress('tag', progress), progress.unfinished[0] ?? progress.end)

t.test('progress comes back from its metadata', async (t) => {
  for (const progress of [
    { end: 100, unfinished: [] },
    { end: 101, unfinished: [100] },
    { end: 1_000_101, unfinished: [100] },
    { end: 5_000_000_000, unfinished: [100, 101, 102, 200, 4_999_999_998, 4_999_999_999] },
    { end: 300, unfinished: Array.from({ length: 150 }, (_, index) => 100 + index) },
  ]) {
    t.same(roundTrip(progress), progress)
    t.ok(encodeProgress('01234567-1234567890', progress).length <= estimateBytes(progress))
  }
})

t.test('a thousand records, scattered behind a million, fit into what a broker takes', async (t) => {
  const unfinished = Array.from({ length: 1_024 }, (_, index) => 7_000_000 + index * 1_000)
  const progress = { end: 8_100_000, unfinished }
  t.same(roundTrip(progress), progress)
  t.ok(encodeProgress('01234567-1234567890', progress).length < maxMetadataBytes)
})

t.test('what was written before, a bit for each offset, is still read', async (t) => {
  // 100 is not finished, 101 to 107 and 109 are.
  const metadata = `1;tag;${Buffer.from([0b1111_1110, 0b10]).toString('base64url')}`
  t.same(decodeProgress(metadata, 100), { end: 110, unfinished: [100, 108] })
  t.same(decodeProgress('1;tag;', 100), { end: 100, unfinished: [] })
})

t.test('metadata of somebody else is recognised', async (t) => {
  t.equal(decodeProgress('hello', 0), undefined)
  t.equal(decodeProgress('3;x;AA', 0), undefined)
  t.equal(decodeProgress('2;x;', 0), undefined)
})

const longTag = '01234567-1234567890'

t.test('what no commit could take is told of as far as it fits, and all of it once it does', async (t) => {
  const tracker = createOffsetTracker(0)
  for (let offset = 0; offset < 8_000; offset += 1) tracker.begin(offset)
  for (let offset = 1; offset < 8_000; offset += 2) tracker.finish(offset)
  const progress = tracker.progress() ?? t.fail('nothing was read')
  const metadata = encodeProgress(longTag, progress as Progress)
  t.ok(metadata.length <= maxMetadataBytes && metadata.length > maxMetadataBytes - 8, 'it uses what there is')
  const told = decodeProgress(metadata, 0)
  t.ok(told !== undefined && told.end > 5_000 && told.end < 8_000)
  for (let offset = 0; offset < 7_000; offset += 2) tracker.finish(offset)
  const later = tracker.progress() as Progress
  t.same(decodeProgress(encodeProgress(longTag, later), 7_000), later)
})

t.test(
  'for any order of finishing, it fits and never says of an open record that it is finished',
  async (t) => {
    let seed = 11
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    let shortened = 0
    for (let round = 0; round < 120; round += 1) {
      const start = random(2) * 5_000_000_000
      const tracker = createOffsetTracker(start)
      const open: number[] = []
      const widest = [1, 3, 300, 40_000][round % 4] ?? 1
      let next = start
      for (let count = 0; count < 6_000; count += 1) {
        next += random(widest)
        tracker.begin(next)
        open.push(next)
        next += 1
      }
      for (let commit = 0; commit < 4; commit += 1) {
        for (let count = 0; count < 1_500; count += 1) {
          const chosen = random(open.length)
          tracker.finish(open[chosen] ?? start)
          open[chosen] = open.at(-1) ?? start
          open.pop()
        }
        const progress = tracker.progress() as Progress
        const low = tracker.lowWatermark() ?? start
        const metadata = encodeProgress(longTag, progress)
        if (metadata.length > maxMetadataBytes) t.fail('too long', { round, length: metadata.length })
        const told = decodeProgress(metadata, low)
        // Up to its end it says the same; behind it nothing is taken for finished.
        const expected = progress.unfinished.filter((offset) => offset < (told?.end ?? 0))
        if (told === undefined || told.end > progress.end) t.fail('another end', { round })
        else if (JSON.stringify(told.unfinished) !== JSON.stringify(expected))
          t.fail('another set', { round })
        if (told !== undefined && told.end < progress.end) shortened += 1
      }
      if (tracker.unfinished() > 0 || tracker.lowWatermark() !== next)
        t.fail('something was forgotten', { round })
    }
    t.ok(shortened > 50, `${shortened} were too long`)
  },
)
