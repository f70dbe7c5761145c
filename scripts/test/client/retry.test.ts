import t from 'tap'
import { RetryableError, withRetries } from '../../client/retry.ts'

t.test('a retryable failure is tried again until it works', async (t) => {
  let attempts = 0
  const result = await withRetries(async () => {
    attempts += 1
    if (attempts < 3) throw new RetryableError('not yet')
    return 'done'
  }, 5_000)
  t.equal(result, 'done')
  t.equal(attempts, 3)
})

t.test('any other failure, and the last one when patience ends, is thrown', async (t) => {
  await t.rejects(
    withRetries(async () => {
      throw new TypeError('a fault of the caller')
    }, 5_000),
    TypeError,
  )
  await t.rejects(
    withRetries(async () => {
      throw new RetryableError('still not')
    }, 0),
    /still not/,
  )
})
