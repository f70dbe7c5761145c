import { ServiceError } from '@millrace/service-kit/errors'
import t from 'tap'
import { whileAllowed } from '../src/while-allowed.ts'

t.test('a stream ends once when its key is no longer good', async (t) => {
  const state = { revoked: false, refusals: 0 }
  const guarded = whileAllowed(
    () => {
      if (state.revoked) throw new ServiceError('unauthenticated', 'revoked')
    },
    { isReady: () => true, send: () => {}, end: () => {} },
    (error) => {
      t.equal(error.code, 'unauthenticated')
      state.refusals += 1
    },
  )
  t.equal(guarded.isReady(), true)
  state.revoked = true
  t.equal(guarded.isReady(), false)
  t.equal(guarded.isReady(), false)
  t.equal(state.refusals, 1)
})
