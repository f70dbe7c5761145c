import t from 'tap'
import { isoTime } from '../src/iso-time.ts'

t.test('times read as those of the language do', async (t) => {
  const start = Date.UTC(2026, 11, 31, 23, 58, 59, 994)
  const times = [0, 1, 59_999, 60_000, -1, -60_001, 253_402_300_799_999]
  for (let count = 0; count < 1_200; count += 1) times.push(start + count * 61, start - count * 3_599_983)
  for (const ms of times) t.equal(isoTime(ms), new Date(ms).toISOString())
})
