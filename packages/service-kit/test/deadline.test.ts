import t from 'tap'
import { within } from '../src/deadline.ts'

t.test('what settles in time is passed on', async (t) => {
  t.equal(await within(Promise.resolve(7), 60_000, () => new Error('late')), 7)
  await t.rejects(
    within(Promise.reject(new Error('failed')), 60_000, () => new Error('late')),
    { message: 'failed' },
  )
})

t.test('what does not settle in time is rejected', async (t) => {
  await t.rejects(
    within(new Promise(() => undefined), 1, () => new Error('late')),
    { message: 'late' },
  )
})
