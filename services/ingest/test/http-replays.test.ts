import type { Scope } from '@millrace/catalog/scopes'
import { createKeyring, keyFor } from '@millrace/scripts/access'
import t from 'tap'
import { authorization, startSampleHttp } from './sample-doors.ts'

const json = { authorization, 'content-type': 'application/json' }
const deliveries = { what: 'deliveries', filter: { status: 'dead', eventType: 'order.paid' } }

t.test('a replay is kept with who may see what, and answered with its id', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const payload = {
    what: 'events',
    filter: {
      status: 'invalid',
      eventType: 'visit.recorded',
      from: '2026-01-01T00:00:00Z',
      to: '2026-02-01T00:00:00Z',
    },
    ratePerSecond: 500,
  }
  const response = await app.inject({ method: 'POST', url: '/v1/replays', headers: json, payload })
  t.equal(response.statusCode, 202)
  const requestedAt = '2023-11-14T22:13:20.000001Z'
  t.match(response.json(), { id: 'rep_new-id', ...payload, status: 'accepted', requestedAt, version: 3 })
  const body = { ...payload, status: 'accepted', requestedAt }
  t.match(writes, [{ kind: 'replay', name: 'rep_new-id', tenant: 'default', application: 'root', body }])
})

t.test('a replay that says no rate gets one', async (t) => {
  const { app } = await startSampleHttp(t)
  const response = await app.inject({
    method: 'POST',
    url: '/v1/replays',
    headers: json,
    payload: deliveries,
  })
  t.match(response.json(), { ...deliveries, ratePerSecond: 100 })
})

t.test('filters are checked by what is replayed', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const replay = async (payload: unknown) =>
    (
      await app.inject({
        method: 'POST',
        url: '/v1/replays',
        headers: json,
        payload: JSON.stringify(payload),
      })
    ).json()
  for (const [payload, pointer] of [
    [{ filter: {} }, '/what'],
    [{ what: 'postbacks', filter: {} }, '/what'],
    [null, '/what'],
    [{ what: 'events' }, '/filter'],
    [{ what: 'events', filter: { status: 'dead' } }, '/filter/status'],
    [{ what: 'events', filter: { endpoint: 'a' } }, '/filter'],
    [{ what: 'deliveries', filter: { status: 'invalid' } }, '/filter/status'],
    [{ what: 'deliveries', filter: { source: 'a' } }, '/filter'],
    [{ what: 'deliveries', filter: { eventType: '' } }, '/filter/eventType'],
    [{ what: 'deliveries', filter: { ids: [] } }, '/filter/ids'],
    [{ what: 'events', filter: { ids: Array(20).fill('i'.repeat(4_000)) } }, '/filter/ids'],
    [{ what: 'events', filter: { from: 'yesterday' } }, '/filter/from'],
    [
      { what: 'events', filter: { from: '2026-02-01T00:00:00Z', to: '2026-02-01T00:00:00Z' } },
      '/filter/from',
    ],
    [{ what: 'events', filter: {}, ratePerSecond: 0 }, '/ratePerSecond'],
    [{ what: 'events', filter: {}, rate: 1 }, ''],
  ] as const) {
    t.match(await replay(payload), { status: 400, errors: [{ pointer }] }, JSON.stringify(payload))
  }
  t.same(writes, [])
})

t.test('replaying deliveries and replaying events take scopes of their own', async (t) => {
  const { app } = await startSampleHttp(t, { authenticator: createKeyring(['acme']) })
  const replay = async (scope: Scope, payload: object): Promise<number> => {
    const headers = { ...json, authorization: keyFor('acme', scope) }
    return (await app.inject({ method: 'POST', url: '/v1/replays', headers, payload })).statusCode
  }
  const events = { what: 'events', filter: {} }
  t.equal(await replay('deliveries:replay', deliveries), 202)
  t.equal(await replay('deliveries:replay', events), 403)
  t.equal(await replay('events:write', events), 202)
  t.equal(await replay('events:write', deliveries), 403)
  t.equal(await replay('catalog:write', events), 403)
})

t.test('settings are put whole', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const put = (payload: unknown, headers = json) =>
    app.inject({ method: 'PUT', url: '/v1/settings', headers, payload: JSON.stringify(payload) })
  const response = await put({ unknownEventTypes: 'refuse' }, { ...json, 'if-match': '"2"' } as typeof json)
  t.equal(response.statusCode, 200)
  t.same(response.json(), {
    unknownEventTypes: 'refuse',
    version: 3,
    updatedAt: '2024-01-01T00:00:00Z',
    updatedBy: 'root',
  })
  t.match(writes, [{ kind: 'settings', name: 'settings', tenant: 'default', ifMatch: [2] }])
  t.match((await put({})).json(), { status: 400 })
  t.match((await put({ unknownEventTypes: 'drop' })).json(), {
    status: 400,
    errors: [{ pointer: '/unknownEventTypes' }],
  })
  t.match((await put({ unknownEventTypes: 'accept', other: 1 })).json(), { status: 400 })
  t.equal(writes.length, 1)
})

t.test('conditions that cannot be read are refused, not taken for others', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const put = async (headers: Record<string, string>, query = ''): Promise<number> => {
    const payload = { eventTypes: ['a'], aggregation: 'count' }
    const request = {
      method: 'PUT',
      url: `/v1/meters/m${query}`,
      headers: { ...json, ...headers },
      payload,
    } as const
    return (await app.inject(request)).statusCode
  }
  for (const tag of ['3', 'abc', '', '"3', '"3" "4"', '*, "3"', 'w/"3"']) {
    t.equal(await put({ 'if-match': tag }), 400, `If-Match: ${tag}`)
  }
  t.equal(await put({ 'if-none-match': '"3"' }), 400)
  t.equal(await put({}, '?force=true'), 400)
  t.equal(await put({}, '?force'), 400)
  t.same(writes, [])
  for (const tag of ['"3"', '*', '"2", "3"', 'W/"3"', '"anything"', '"a,b"']) {
    t.match(await put({ 'if-match': tag }), /20[01]/, `If-Match: ${tag}`)
  }
  t.same(
    writes.map(({ ifMatch }) => ifMatch),
    [[3], '*', [2, 3], [], [], []],
  )
})
