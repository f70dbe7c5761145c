import { setImmediate as nextLoop } from 'node:timers/promises'
import t from 'tap'
import { shareRuns, untilAborted } from '../src/share-runs.ts'

t.test('callers share the run that begins after their call', async (t) => {
  const ends: ((value: number) => void)[] = []
  const call = shareRuns(() => new Promise<number>((resolve) => ends.push(resolve)))
  const first = call()
  const second = call()
  const third = call()
  t.equal(ends.length, 1, 'one at a time')
  ends[0]?.(1)
  t.equal(await first, 1)
  await nextLoop()
  const fourth = call()
  t.equal(ends.length, 2)
  const fifth = call()
  ends[1]?.(2)
  t.strictSame(await Promise.all([second, third]), [2, 2])
  t.equal(await Promise.race([fourth, Promise.resolve('waits')]), 'waits')
  ends[2]?.(3)
  t.strictSame(await Promise.all([fourth, fifth]), [3, 3], 'the second had begun before they called')
  t.equal(ends.length, 3)
})

t.test('a run that fails fails for those who share it, and nobody else', async (t) => {
  const outcomes = ['broken', 'broken too', undefined]
  const call = shareRuns(async () => {
    const outcome = outcomes.shift()
    if (outcome !== undefined) throw new Error(outcome)
  })
  const first = call()
  const second = call()
  await t.rejects(first, /^broken$/)
  await t.rejects(second, /broken too/)
  await t.resolves(call())
})

t.test('who waits for something may give up, before and while', async (t) => {
  const never = new Promise<void>(() => {})
  await t.rejects(untilAborted(never, AbortSignal.abort(new Error('given up'))), /given up/)
  const giveUp = new AbortController()
  const waiting = untilAborted(never, giveUp.signal)
  giveUp.abort(new Error('given up later'))
  await t.rejects(waiting, /given up later/)
  t.equal(await untilAborted(Promise.resolve(1), undefined), 1)
  t.equal(await untilAborted(Promise.resolve(1), new AbortController().signal), 1)
})
