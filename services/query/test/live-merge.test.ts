import type { LiveGroup, LiveUpdate } from '@millrace/proto'
import t from 'tap'
import { createLiveMerge, currentRate, liveValue, sumCells, topGroups } from '../src/live-merge.ts'

const start = 1_700_000_000
const nowMs = (start + 10) * 1_000

function group(values: string[], count: number, amounts: readonly string[] = []): LiveGroup {
  const [sum = '', min = '', max = ''] = amounts
  return { values, count, sum, min, max }
}

function update(instance: string, seconds: Record<number, LiveGroup[]>, snapshot = false): LiveUpdate {
  return {
    instance,
    asOfUs: nowMs * 1_000,
    snapshot,
    seconds: Object.entries(seconds).map(([second, groups]) => ({ second: start + Number(second), groups })),
  }
}

const counts = (seconds: ReturnType<ReturnType<typeof createLiveMerge>['seconds']>) =>
  seconds.map(({ second, total }) => [second - start, total.count])

t.test('what two instances see of a second is added up, by group', async (t) => {
  const merge = createLiveMerge(300)
  merge.apply(update('a', { 1: [group(['/x'], 2), group(['/y'], 1)] }, true), nowMs)
  merge.apply(update('b', { 1: [group(['/x'], 5)], 2: [group(['/z'], 1)] }, true), nowMs)
  const changes = merge.takeChanges(nowMs)
  t.same(counts(changes), [
    [1, 8],
    [2, 1],
  ])
  t.same(
    changes[0]?.groups.map((cell) => [cell.group[0], cell.count]),
    [
      ['/x', 7],
      ['/y', 1],
    ],
  )
  t.same(merge.takeChanges(nowMs), [], 'a change is told once')
})

t.test('a group is only added up with its own, whatever its text looks like', async (t) => {
  const merge = createLiveMerge(300)
  // The aggregator sums up what is over its limit in a group without values.
  merge.apply(
    update('a', { 1: [group(['[]'], 2), group([], 5), group(['["x"]'], 1), group(['x'], 3)] }),
    nowMs,
  )
  const [second] = merge.takeChanges(nowMs)
  t.same(
    second?.groups.map((cell) => [cell.group, cell.count]),
    [
      [['[]'], 2],
      [[], 5],
      [['["x"]'], 1],
      [['x'], 3],
    ],
  )
  t.equal(
    topGroups(
      [second].filter((it) => it !== undefined),
      'count',
      10,
    ).length,
    4,
  )
})

t.test('a second that is told again replaces the earlier one of that instance only', async (t) => {
  const merge = createLiveMerge(300)
  merge.apply(update('a', { 1: [group([], 2)] }, true), nowMs)
  merge.apply(update('b', { 1: [group([], 3)] }, true), nowMs)
  merge.takeChanges(nowMs)
  merge.apply(update('a', { 1: [group([], 10)] }), nowMs)
  t.same(counts(merge.takeChanges(nowMs)), [[1, 13]])
})

t.test('a snapshot takes out what the instance told before', async (t) => {
  const merge = createLiveMerge(300)
  merge.apply(update('a', { 1: [group([], 2)], 2: [group([], 2)] }, true), nowMs)
  merge.takeChanges(nowMs)
  merge.apply(update('a', { 2: [group([], 1)] }, true), nowMs)
  t.same(counts(merge.takeChanges(nowMs)), [
    [1, 0],
    [2, 1],
  ])
  t.same(counts(merge.seconds()), [[2, 1]])
})

t.test('an instance that is dropped leaves nothing behind', async (t) => {
  const merge = createLiveMerge(300)
  merge.apply(update('a', { 1: [group([], 2)] }, true), nowMs)
  merge.apply(update('b', { 1: [group([], 3)] }, true), nowMs)
  merge.takeChanges(nowMs)
  merge.drop('a')
  t.same(counts(merge.takeChanges(nowMs)), [[1, 3]])
  t.same(merge.instances(), ['b'])
})

t.test('seconds leave with the span, also while nothing arrives', async (t) => {
  const merge = createLiveMerge(60)
  merge.apply(update('a', { 0: [group([], 1)], 9: [group([], 1)] }, true), nowMs)
  merge.takeChanges(nowMs)
  t.same(counts(merge.seconds()), [
    [0, 1],
    [9, 1],
  ])
  merge.takeChanges(nowMs + 55_000)
  t.same(counts(merge.seconds()), [[9, 1]])
  t.equal(merge.asOfUs(nowMs + 55_000), (nowMs + 55_000) * 1_000, 'the clock goes on')
})

t.test('values follow the meter’s aggregation and stay exact', async (t) => {
  const merge = createLiveMerge(300)
  merge.apply(update('a', { 1: [group(['x'], 1, ['0.1', '0.1', '0.1'])] }, true), nowMs)
  merge.apply(update('b', { 2: [group(['x'], 2, ['0.2', '-1', '1.2'])] }, true), nowMs)
  merge.takeChanges(nowMs)
  const total = sumCells(merge.seconds().map((second) => second.total))
  t.equal(liveValue(total, 'count'), '3')
  t.equal(liveValue(total, 'sum'), '0.3')
  t.equal(liveValue(total, 'avg'), '0.1')
  t.equal(liveValue(total, 'min'), '-1')
  t.equal(liveValue(total, 'max'), '1.2')
  t.equal(liveValue(sumCells([]), 'avg'), 'null', 'nothing has no average')
  t.equal(liveValue(sumCells([]), 'sum'), '0')
})

t.test('the largest groups of the whole span come first', async (t) => {
  const merge = createLiveMerge(300)
  merge.apply(
    update('a', { 1: [group(['x'], 3), group(['y'], 1)], 2: [group(['y'], 9), group(['z'], 1)] }, true),
    nowMs,
  )
  merge.takeChanges(nowMs)
  t.same(
    topGroups(merge.seconds(), 'count', 2).map(({ group, count }) => [group[0], count]),
    [
      ['y', 10],
      ['x', 3],
    ],
  )
})

t.test('the rate is of the last whole seconds, without the one that still runs', async (t) => {
  const merge = createLiveMerge(300)
  merge.apply(
    update('a', { 4: [group([], 99)], 5: [group([], 10)], 9: [group([], 15)], 10: [group([], 99)] }, true),
    nowMs,
  )
  merge.takeChanges(nowMs)
  t.equal(currentRate(merge.seconds(), merge.asOfUs(nowMs)), 5)
})
