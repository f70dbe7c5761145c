import t from 'tap'
import { createRestartBackoff } from '../../local-stack/restart-backoff.ts'

t.test('the first restart is quick, later ones wait longer', async (t) => {
  const backoff = createRestartBackoff()
  const delays = Array.from({ length: 8 }, () => backoff.delayAfterExit(0))
  t.same(delays, [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 10_000])
})

t.test('after ten crashes in a row there are no more restarts', async (t) => {
  const backoff = createRestartBackoff()
  const delays = Array.from({ length: 12 }, () => backoff.delayAfterExit(0))
  t.equal(delays.filter((delay) => delay === null).length, 2)
  t.equal(delays.indexOf(null), 10)
})

t.test('a process that ran well for a while starts from the quick restart again', async (t) => {
  const backoff = createRestartBackoff()
  for (let i = 0; i < 5; i++) backoff.delayAfterExit(9_999)
  t.equal(backoff.delayAfterExit(10_000), 100)
  t.equal(backoff.delayAfterExit(0), 200)
})
