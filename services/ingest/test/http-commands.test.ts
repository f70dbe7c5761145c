import type { Principal } from '@millrace/catalog/authenticate-key'
import { ServiceError } from '@millrace/service-kit/errors'
import t from 'tap'
import { authorization, startSampleHttp } from './sample-doors.ts'

const json = { authorization, 'content-type': 'application/json' }
const nowUs = 1_700_000_000_000_001

t.test('a settlement is written with who, when and why', async (t) => {
  const { app, commands } = await startSampleHttp(t)
  const response = await app.inject({
    method: 'POST',
    url: '/v1/events/visit%2F17/settlement?source=/clinic',
    headers: json,
    payload: { reference: 'payroll 2026-01', settledAt: '2026-01-31T12:00:00.000001+01:00' },
  })
  t.equal(response.statusCode, 202)
  t.same(response.json(), {
    id: 'visit/17',
    source: '/clinic',
    reference: 'payroll 2026-01',
    settledAt: '2026-01-31T11:00:00.000001Z',
  })
  t.match(commands, [
    {
      $case: 'settlement',
      value: {
        tenant: 'default',
        source: '/clinic',
        id: 'visit/17',
        reference: 'payroll 2026-01',
        settledAtUs: Date.UTC(2026, 0, 31, 11) * 1_000 + 1,
        receivedAtUs: nowUs,
        application: 'root',
        traceparent: /^00-/,
        allowedEventTypes: [],
        allowedSubjects: [],
      },
    },
  ])
})

t.test('a settlement that says no time is of now', async (t) => {
  const { app } = await startSampleHttp(t)
  const url = '/v1/events/1/settlement?source=clinic'
  const response = await app.inject({ method: 'POST', url, headers: json, payload: { reference: 'r' } })
  t.match(response.json(), { settledAt: '2023-11-14T22:13:20.000001Z' })
})

t.test('a retraction says whether data is erased, and when Kafka’s copy is gone', async (t) => {
  const { app, commands } = await startSampleHttp(t)
  const remove = async (query: string) =>
    (
      await app.inject({
        method: 'DELETE',
        url: `/v1/events/1?source=clinic${query}`,
        headers: { authorization },
      })
    ).json()
  const retractedAt = '2023-11-14T22:13:20.000001Z'
  const kept = { id: '1', source: 'clinic', retractedAt, erase: false }
  t.same(await remove(''), kept)
  t.same(await remove('&erase=false'), kept)
  t.same(await remove('&erase=true'), {
    ...kept,
    erase: true,
    erasedFromKafkaBy: '2023-11-22T23:13:20.000001Z',
  })
  t.match(
    commands.map(({ value }) => value),
    [{ erase: false }, { erase: false }, { erase: true, receivedAtUs: nowUs, application: 'root' }],
  )
})

t.test('what a key is constrained to goes with the command', async (t) => {
  const ward: Principal = {
    tenant: 'acme',
    application: 'ward-7',
    scopes: new Set(['events:retract']),
    keyId: 'key_1',
    constraints: { eventTypes: ['visit.*'], subjects: ['ward-7/*', 'x'] },
  }
  const { app, commands } = await startSampleHttp(t, { authenticator: { authenticate: () => ward } })
  const response = await app.inject({ method: 'DELETE', url: '/v1/events/1?source=a' })
  t.equal(response.statusCode, 202)
  t.match(commands, [
    { value: { tenant: 'acme', allowedEventTypes: ['visit.*'], allowedSubjects: ['ward-7/*', 'x'] } },
  ])
})

t.test(
  'faulty commands are problem documents that name what to change, and nothing is written',
  async (t) => {
    const { app, commands } = await startSampleHttp(t)
    const settle = async (query: string, payload: unknown, id = '1') => {
      const url = `/v1/events/${id}/settlement${query}`
      const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
      return (await app.inject({ method: 'POST', url, headers: json, payload: text })).json()
    }
    const fault = (pointer: string) => ({ status: 400, errors: [{ pointer }] })
    const good = { reference: 'r' }
    t.match(await settle('', good), fault('/source'))
    t.match(await settle('?source=', good), fault('/source'))
    t.match(await settle('?source=a%20b', good), fault('/source'))
    t.match(await settle('?source=a&source=b', good), fault('/source'))
    t.match(await settle('?source=a&x=1', good), fault('/x'))
    t.match(await settle('?source=a', good, '%00'), fault('/id'))
    t.match(await settle('?source=a', good, 'i'.repeat(4_097)), fault('/id'))
    t.match(await settle('?source=a', {}), fault('/reference'))
    t.match(await settle('?source=a', { settledAt: 'today' }), {
      errors: [{ pointer: '/reference' }, { pointer: '/settledAt' }],
    })
    t.match(await settle('?source=a', { reference: '' }), fault('/reference'))
    t.match(await settle('?source=a', { reference: 'a\u0000' }), fault('/reference'))
    t.match(await settle('?source=a', { reference: '\ud800' }), fault('/reference'))
    t.match(await settle('?source=a', { reference: 'r', amount: 1 }), { status: 400, detail: /amount/ })
    t.match(await settle('?source=a', { reference: 'r', settledAt: 'today' }), fault('/settledAt'))
    t.match(await settle('?source=a', { reference: 'r', settledAt: 1 }), fault('/settledAt'))
    t.match(await settle('?source=a', '['), { status: 400 })
    t.match(await settle('?source=a', ''), { status: 400 })
    t.match(await settle('?source=a', 'null'), { status: 400 })
    const remove = async (query: string) =>
      (await app.inject({ method: 'DELETE', url: `/v1/events/1${query}`, headers: { authorization } })).json()
    t.match(await remove(''), fault('/source'))
    t.match(await remove('?source=a&erase=yes'), fault('/erase'))
    t.match(await remove('?source=a&erase='), fault('/erase'))
    t.match(await remove('?source=a&reason=x'), fault('/reason'))
    t.same(commands, [])
  },
)

t.test('a command that Kafka does not take is answered with when to come again', async (t) => {
  const refuse = async (): Promise<void> => {
    throw new ServiceError('unavailable', 'Kafka is behind.')
  }
  const { app } = await startSampleHttp(t, { acceptCommand: refuse })
  const response = await app.inject({
    method: 'DELETE',
    url: '/v1/events/1?source=a',
    headers: { authorization },
  })
  t.equal(response.statusCode, 503)
  t.ok(response.headers['retry-after'])
  const hanging = await startSampleHttp(t, { acceptCommand: () => new Promise(() => undefined) })
  const late = await hanging.app.inject({
    method: 'DELETE',
    url: '/v1/events/1?source=a',
    headers: { authorization },
  })
  t.equal(late.statusCode, 503, 'never beyond the request’s deadline')
})
