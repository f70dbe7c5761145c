import t from 'tap'
import type { MergedSecond } from '../src/live-merge.ts'
import { summarizeLive } from '../src/summarize-live.ts'
import { countCell } from './live-fixtures.ts'
import { meter } from './report-fixtures.ts'

const start = 1_700_000_000
const second = (at: number): MergedSecond => ({
  second: start + at,
  total: countCell([], 10),
  groups: [countCell(['SE', '/a'], 7), countCell([], 3)],
})

t.test('a short span is summed up by itself, and its rate is that of the last whole seconds', async (t) => {
  const all = Array.from({ length: 20 }, (_, at) => second(at))
  const push = { meter, asOfUs: (start + 20) * 1_000_000, all }
  const { value, perSecond, top } = summarizeLive(push, all.slice(-2))
  t.equal(value, '20')
  t.equal(perSecond, 10)
  t.match(top, [{ group: ['SE', '/a'], count: 14 }])
  t.equal(top.length, 1, 'what has no name is no group')
  t.equal(summarizeLive(push, all).value, '200')
})
