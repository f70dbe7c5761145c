import t from 'tap'
import { readPreferredWait, startDeadline } from '../src/request-deadline.ts'

t.test('a caller’s wait is read from among its preferences', (t) => {
  for (const [prefer, ms] of [
    ['wait=10', 10_000],
    ['respond-async, wait=1', 1_000],
    ['wait="3"; foo, handling=lenient', 3_000],
    ['handling=lenient,WAIT = 2', 2_000],
    [['respond-async', 'wait=4'], 4_000],
    ['wait=1.5', undefined],
    ['wait=-1', undefined],
    ['wait', undefined],
    ['await=1', undefined],
    ['return=minimal', undefined],
    [undefined, undefined],
  ] as const) {
    t.equal(readPreferredWait(prefer as string), ms, String(prefer))
  }
  t.end()
})

t.test('a deadline runs from its start; without one there is no end', (t) => {
  let nowMs = 1_000
  const deadline = startDeadline(500, () => nowMs)
  t.equal(deadline.leftMs(), 500)
  nowMs = 1_400
  t.equal(deadline.leftMs(), 100)
  nowMs = 1_500
  t.throws(() => deadline.leftMs(), { code: 'unavailable', message: /nothing was accepted/ })
  t.equal(startDeadline(undefined, () => nowMs).leftMs(), Number.POSITIVE_INFINITY)
  t.end()
})
