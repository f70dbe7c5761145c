import t from 'tap'
import type { Principal } from '../src/authenticate-key.ts'
import { checkIssuer, checkKeyRequest } from '../src/check-key.ts'
import type { KeyRequest } from '../src/key-resource.ts'

const nowUs = Date.parse('2026-01-01T00:00:00Z') * 1_000
const good: KeyRequest = { application: 'web-shop', scopes: ['events:write'] }

const pointers = (body: unknown): string[] => checkKeyRequest(body, nowUs).map(({ pointer }) => pointer)

t.test('requests for keys that are right', async (t) => {
  const bodies: readonly unknown[] = [
    good,
    { ...good, expiresAt: null },
    { ...good, expiresAt: '2026-01-01T00:00:00.000001Z' },
    { ...good, constraints: {} },
    { ...good, constraints: { eventTypes: ['visit.*'], subjects: ['*'] } },
    { ...good, rateLimit: { perSecond: 0.5 } },
    { ...good, application: 'Web shop, Åre', tenant: 'acme-2' },
  ]
  for (const body of bodies) t.same(pointers(body), [], JSON.stringify(body))
})

t.test('every fault is told with its place', async (t) => {
  const cases: readonly [body: unknown, pointers: readonly string[]][] = [
    [undefined, ['']],
    [null, ['']],
    [[], ['']],
    [{}, ['/application', '/scopes']],
    [{ ...good, application: '' }, ['/application']],
    [{ ...good, application: 'a\nb' }, ['/application']],
    [{ ...good, scopes: [] }, ['/scopes']],
    [{ ...good, scopes: ['events:write', 'everything'] }, ['/scopes/1']],
    [{ ...good, scopes: 'events:write' }, ['/scopes']],
    [{ ...good, constraints: { eventTypes: [] } }, ['/constraints/eventTypes']],
    [{ ...good, constraints: { subjects: ['a', ''] } }, ['/constraints/subjects/1']],
    [{ ...good, constraints: { types: ['a'] } }, ['/constraints']],
    [{ ...good, rateLimit: { perSecond: 0 } }, ['/rateLimit/perSecond']],
    [{ ...good, rateLimit: {} }, ['/rateLimit/perSecond']],
    [{ ...good, expiresAt: 'tomorrow' }, ['/expiresAt']],
    [{ ...good, expiresAt: '2026-01-01T00:00:00Z' }, ['/expiresAt']],
    [{ ...good, expiresAt: 1 }, ['/expiresAt']],
    [{ ...good, tenant: 'Acme' }, ['/tenant']],
    [{ ...good, hash: 'x' }, ['']],
    [{ ...good, scopes: ['x'], expiresAt: 'x', rateLimit: 7 }, ['/scopes/0', '/rateLimit', '/expiresAt']],
  ]
  for (const [body, expected] of cases) t.same(pointers(body), expected, JSON.stringify(body))
})

t.test('nobody gives away more than they have', async (t) => {
  const issuer: Principal = {
    tenant: 'acme',
    application: 'admin',
    keyId: 'key_1',
    scopes: new Set(['keys:admin', 'events:write'] as const),
    constraints: { eventTypes: ['visit.*'] },
  }
  const beyond = (request: KeyRequest): string[] => checkIssuer(request, issuer).map(({ pointer }) => pointer)
  const visits = { eventTypes: ['visit.recorded'] }
  t.same(beyond({ ...good, constraints: visits }), [])
  t.same(beyond({ ...good, constraints: { eventTypes: ['visit.a*', 'visit.*'] } }), [])
  t.same(beyond({ ...good, constraints: visits, tenant: 'acme' }), [])
  t.same(beyond(good), ['/constraints'], 'no constraints is everything')
  t.same(beyond({ ...good, constraints: { subjects: ['a'] } }), ['/constraints'])
  t.same(beyond({ ...good, constraints: { eventTypes: ['visit.a', '*'] } }), ['/constraints/eventTypes/1'])
  t.same(beyond({ ...good, constraints: visits, scopes: ['events:write', 'events:read'] }), ['/scopes/1'])
  t.same(beyond({ ...good, constraints: visits, tenant: 'other' }), ['/tenant'])
  const { keyId: _, constraints: __, ...root } = issuer
  t.same(checkIssuer({ ...good, tenant: 'other' }, root), [], 'the root key names any tenant')
})
