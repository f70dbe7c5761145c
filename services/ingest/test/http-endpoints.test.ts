import type { WrittenResource } from '@millrace/catalog/decide-write'
import t from 'tap'
import { authorization, startSampleHttp } from './sample-doors.ts'

const json = { authorization, 'content-type': 'application/json' }
const path = '/v1/endpoints/partner-a'
const body = { url: 'https://partner.example/hook', eventTypes: ['order.paid'] }
/** What the sample catalog answers with when the resource was there before. */
const existing = { url: body.url, secrets: [{ sealed: 'v1.sealed', createdAt: '2026-01-01T00:00:00Z' }] }

/** The door over a catalog that holds the endpoint. */
const startWithEndpoint = (t: Parameters<typeof startSampleHttp>[0]) =>
  startSampleHttp(t, {
    writeCatalog: async (write): Promise<WrittenResource> => ({
      version: 4,
      body: write.change?.(existing) ?? existing,
      updatedAt: '2024-01-01T00:00:00Z',
      updatedBy: 'root',
      created: false,
    }),
  })

t.test('creating an endpoint shows its secret, and no sealed form', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const response = await app.inject({ method: 'PUT', url: path, headers: json, payload: body })
  t.equal(response.statusCode, 201)
  t.match(response.json(), { name: 'partner-a', ...body, version: 3, updatedBy: 'root', secret: /^whsec_/ })
  t.equal(response.headers.etag, '"3"')
  t.equal(response.headers['cache-control'], 'no-store')
  t.notMatch(response.body, /sealed|secrets/)
  t.match(writes, [{ tenant: 'default', kind: 'endpoint', name: 'partner-a', application: 'root' }])
})

t.test('changing and deleting an endpoint shows no secret', async (t) => {
  const { app } = await startWithEndpoint(t)
  const changed = await app.inject({ method: 'PUT', url: path, headers: json, payload: body })
  t.equal(changed.statusCode, 200)
  const deleted = await app.inject({ method: 'DELETE', url: path, headers: { authorization } })
  t.equal(deleted.statusCode, 200)
  for (const response of [changed, deleted]) {
    t.match(response.json(), { name: 'partner-a', version: 4, url: body.url })
    t.notMatch(response.body, /seal|secret/)
  }
})

t.test('rotating shows the new secret that one time, with or without an empty body', async (t) => {
  const { app } = await startWithEndpoint(t)
  const rotate = (payload?: string, headers: Record<string, string> = json) =>
    app.inject({ method: 'POST', url: `${path}/secret`, headers, ...(payload !== undefined && { payload }) })
  const seen = new Set<string>()
  for (const response of [await rotate(undefined, { authorization }), await rotate(''), await rotate('{}')]) {
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    const { secret, ...rest } = response.json() as { secret: string }
    t.match(secret, /^whsec_/)
    t.notMatch(JSON.stringify(rest), /seal|secret/)
    seen.add(secret)
  }
  t.equal(seen.size, 3)
  t.match((await rotate('{"secret":"mine"}')).json(), { status: 400, detail: /takes no body/ })
})

t.test('a test is answered like a postback', async (t) => {
  const { app } = await startSampleHttp(t)
  const response = await app.inject({ method: 'POST', url: `${path}/test`, headers: json, payload: '' })
  t.equal(response.statusCode, 202)
  t.same(response.json(), { id: 'dl_test', deliveries: [{ id: 'dl_test' }] })
})

t.test('faulty endpoints, names and addresses are problem documents, and nothing is written', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const put = async (url: string, payload: object) =>
    (await app.inject({ method: 'PUT', url, headers: json, payload })).json()
  t.match(await put(path, { url: 'https://{host}/', retry: 'webhook' }), {
    status: 400,
    errors: [{ pointer: '/url' }],
  })
  t.match(await put('/v1/endpoints/a%20b', body), { status: 400, detail: /not a name/ })
  t.match(await put(`${path}?dryRun=true`, body), { status: 400, errors: [{ pointer: '/dryRun' }] })
  const test = { method: 'POST', url: `${path}/test?now=1`, headers: { authorization } } as const
  t.match((await app.inject(test)).json(), { status: 400, errors: [{ pointer: '/now' }] })
  t.same(writes, [])
})

t.test('credentials are answered masked, and can be sent back as they were answered', async (t) => {
  let stored: object | undefined
  const { app } = await startSampleHttp(t, {
    writeCatalog: async (write): Promise<WrittenResource> => {
      const created = stored === undefined
      stored = write.change?.(stored) ?? {}
      return { version: 1, body: stored, updatedAt: '2024-01-01T00:00:00Z', updatedBy: 'root', created }
    },
  })
  const put = (payload: object) => app.inject({ method: 'PUT', url: path, headers: json, payload })
  const auth = { type: 'basic', username: 'millrace', password: 'hunter2-secret' }
  const created = await put({ ...body, auth })
  t.equal(created.statusCode, 201)
  t.match(created.json(), { auth: { ...auth, password: '********' } })
  const before = stored
  const { url, eventTypes, auth: shown } = created.json()
  const again = await put({ url, eventTypes, auth: shown })
  t.equal(again.statusCode, 200)
  t.match(again.json(), { auth: shown })
  t.same(stored, before)
  for (const response of [created, again]) t.notMatch(response.body, /hunter2|sealed|credentials/)
  const elsewhere = await put({ url: 'https://elsewhere.example/', auth: shown })
  t.match(elsewhere.json(), { status: 400, errors: [{ pointer: '/auth/password', detail: /given again/ }] })
  t.same(stored, before)
})
