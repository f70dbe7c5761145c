import t from 'tap'
import type { LiveCell, MergedSecond } from '../src/live-merge.ts'
import { summarizeLive } from '../src/summarize-live.ts'
import { meter } from './report-fixtures.ts'

const start = 1_700_000_000
const cell = (group: string[], count: number): LiveCell => ({
  group,
  count,
  sum: 0n,
  min: undefined,
  max: undefined,
})
const second = (at: number): MergedSecond => ({
  second: start + at,
  total: cell([], 10),
  groups: [cell(['SE', '/a'], 7), cell([], 3)],
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
