import t from 'tap'
import { createAuthenticator, scopes } from '../src/authenticate-key.ts'

const { authenticate } = createAuthenticator('the-root-key-of-a-mesh')

t.test('the root key has the default tenant and every scope', async (t) => {
  for (const scope of scopes) {
    t.match(authenticate('Bearer the-root-key-of-a-mesh', scope), { tenant: 'default', application: 'root' })
  }
  t.ok(authenticate('bearer   the-root-key-of-a-mesh', 'events:write'), 'the scheme in any case')
})

t.test('anything else is not authenticated', async (t) => {
  for (const authorization of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'the-root-key-of-a-mesh',
    'Basic the-root-key-of-a-mesh',
    'Bearer the-root-key-of-a-mes',
    'Bearer the-root-key-of-a-mesh2',
    'Bearer the-root-key-of-a-mesh x',
    `Bearer the-root-key-of-a-mesh${'x'.repeat(10_000)}`,
    'Bearer \u{1f600}',
  ]) {
    t.throws(
      () => authenticate(authorization, 'events:write'),
      { code: 'unauthenticated' },
      String(authorization),
    )
  }
})
