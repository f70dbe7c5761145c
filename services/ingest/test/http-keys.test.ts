import { hashKey } from '@millrace/catalog/key-text'
import t from 'tap'
import { authorization, startSampleHttp } from './sample-doors.ts'

const json = { authorization, 'content-type': 'application/json' }
const request = {
  application: 'web-shop',
  scopes: ['events:write', 'events:write', 'events:backfill'],
  constraints: { eventTypes: ['visit.*'] },
  rateLimit: { perSecond: 1000 },
  expiresAt: '2030-01-31T01:00:00+01:00',
}

t.test('a key is shown once and kept hashed', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const response = await app.inject({ method: 'POST', url: '/v1/keys', headers: json, payload: request })
  t.equal(response.statusCode, 201)
  t.match(response.headers, { etag: '"3"', 'cache-control': 'no-store' })
  t.match(response.json(), {
    id: 'key_new',
    key: 'mr_new',
    tenant: 'default',
    application: 'web-shop',
    scopes: ['events:write', 'events:backfill'],
    expiresAt: '2030-01-31T00:00:00.000Z',
  })
  t.notMatch(response.body, /hash/)
  t.match(writes, [
    {
      tenant: 'default',
      kind: 'key',
      name: 'key_new',
      application: 'root',
      body: { application: 'web-shop', hash: hashKey('mr_new') },
    },
  ])
  t.notMatch(JSON.stringify(writes), /mr_new/)
})

t.test('the root key issues for any tenant', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const payload = { ...request, tenant: 'acme' }
  const response = await app.inject({ method: 'POST', url: '/v1/keys', headers: json, payload })
  t.match(response.json(), { tenant: 'acme' })
  t.match(writes, [{ tenant: 'acme', body: { tenant: undefined } }])
})

t.test('faults are told one by one, and nothing is written', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const payload = { ...request, scopes: ['all'], expiresAt: '2020-01-01T00:00:00Z' }
  const response = await app.inject({ method: 'POST', url: '/v1/keys', headers: json, payload })
  t.equal(response.statusCode, 400)
  t.match(response.json(), {
    type: 'urn:millrace:problem:invalid-request',
    errors: [{ pointer: '/scopes/0' }, { pointer: '/expiresAt', detail: /future/ }],
  })
  for (const body of ['', '[]', 'null', '{"application":']) {
    const faulty = await app.inject({ method: 'POST', url: '/v1/keys', headers: json, payload: body })
    t.equal(faulty.statusCode, 400, body)
  }
  t.same(writes, [])
})

t.test('a key is revoked by its id, the root key revokes those of every tenant', async (t) => {
  const { app, writes } = await startSampleHttp(t, {
    tenantOfKey: (id) => (id === 'key_of_acme' ? 'acme' : undefined),
  })
  const revoke = (id: string) =>
    app.inject({ method: 'DELETE', url: `/v1/keys/${id}`, headers: { authorization } })
  t.match(await revoke('key_of_acme'), { statusCode: 200 })
  await revoke('key_unknown')
  t.match(writes, [
    { tenant: 'acme', kind: 'key', name: 'key_of_acme', body: undefined },
    { tenant: 'default', kind: 'key', name: 'key_unknown', body: undefined },
  ])
})
