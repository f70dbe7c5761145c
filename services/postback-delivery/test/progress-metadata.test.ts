import t from 'tap'
import { decodeProgress, encodeProgress, estimateBytes, maxMetadataBytes } from '../src/progress-metadata.ts'
import type { Progress } from '../src/track-offsets.ts'

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
