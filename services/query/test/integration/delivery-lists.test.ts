// Lists of deliveries, and what became of postbacks, out of the real tables.
import t from 'tap'
import { createTables, freshConfig, startService, until } from './mesh-edge.ts'

const config = freshConfig()
const tables = await createTables(t, config)
const { service, get } = await startService(t, config)
await until(() => service.readiness.isReady())

interface DeliveryAnswer {
  readonly id: string
  readonly status: string
  readonly attempts: readonly Readonly<Record<string, unknown>>[]
}

const columns =
  'tenant,delivery_id,postback_id,endpoint,number,step,without_request,outcome,method,url,started_at,duration_us,response_code,response_body,error_code,event_source,event_id,event_type,replay,accepted_at,stored_at'

interface RowOptions {
  readonly postback?: string
  readonly endpoint?: string
  readonly tenant?: string
  readonly at?: number
  readonly code?: number
  /** Given for what happened without a request. */
  readonly step?: number
  readonly replay?: string
  readonly event?: string
}

function deliveryRow(id: string, number: number, outcome: string, options: RowOptions = {}): string {
  const { postback = '', endpoint = '', tenant = 'default', at = 0, code = 0, event = '' } = options
  const { step = number, replay = '' } = options
  const errorCode =
    outcome === 'held' ? 'endpoint_disabled' : outcome === 'retry' && code === 0 ? 'timeout' : ''
  const type = event === '' ? '' : 'order.paid'
  return `('${tenant}','${id}','${postback}','${endpoint}',${number},${step},${options.step !== undefined},'${outcome}','POST','https://partner.example/hook','2026-01-01 00:00:0${number}',1234,${code},'{"ok":${number}}','${errorCode}','${event && 'shop'}','${event}','${type}','${replay}','2026-01-01 00:00:00.00000${at}',now64(6))`
}

const insert = (rows: readonly string[]) =>
  tables.command({ query: `INSERT INTO deliveries (${columns}) VALUES ${rows.join()}` })

const partner = { endpoint: 'partner-a' }
await insert([
  deliveryRow('d1', 0, 'accepted', { postback: 'p1', at: 1 }),
  deliveryRow('d1', 1, 'retry', { postback: 'p1', at: 1, code: 500 }),
  deliveryRow('d1', 2, 'retry', { postback: 'p1', at: 1 }),
  deliveryRow('d1', 3, 'delivered', { postback: 'p1', at: 1, code: 200 }),
  deliveryRow('d2', 0, 'accepted', { postback: 'p1', at: 1 }),
  deliveryRow('d2', 1, 'dead', { postback: 'p1', at: 1, code: 404 }),
  deliveryRow('d3', 0, 'accepted', { ...partner, at: 2 }),
  deliveryRow('d4', 0, 'accepted', { ...partner, at: 3 }),
  deliveryRow('d4', 1, 'retry', { ...partner, at: 3, code: 503 }),
  deliveryRow('d5', 0, 'accepted', { tenant: 'other', at: 4 }),
])
// Landed twice, as after a crash.
await insert([deliveryRow('d1', 1, 'retry', { postback: 'p1', at: 1, code: 500 })])

async function deliveries(path: string): Promise<{ deliveries: DeliveryAnswer[]; nextCursor?: string }> {
  const response = await get(path)
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return (await response.json()) as { deliveries: DeliveryAnswer[]; nextCursor?: string }
}

t.test('deliveries come by acceptance with their state and attempts', async (t) => {
  const { deliveries: all } = await deliveries('/v1/deliveries')
  t.same(
    all.map(({ id, status, attempts }) => [id, status, attempts.length]),
    [
      ['d4', 'retrying', 1],
      ['d3', 'pending', 0],
      ['d2', 'dead', 1],
      ['d1', 'delivered', 3],
    ],
  )
  t.notOk('responseBody' in (all[3]?.attempts[0] ?? {}), 'lists leave bodies out')
})

t.test('deliveries are filtered and paged', async (t) => {
  const found = async (query: string) =>
    (await deliveries(`/v1/deliveries?${query}`)).deliveries.map(({ id }) => id)
  t.same(await found('status=dead'), ['d2'])
  t.same(await found('status=pending'), ['d3'])
  t.same(await found('endpoint=partner-a'), ['d4', 'd3'])
  t.same(await found('postback=p1'), ['d2', 'd1'])
  t.same(await found('from=2026-01-01T00:00:00.000003Z'), ['d4'])
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await deliveries(`/v1/deliveries?limit=1${cursor ? `&cursor=${cursor}` : ''}`)
    seen.push(...page.deliveries.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== undefined)
  t.same(seen, ['d4', 'd3', 'd2', 'd1'])
})

t.test('one delivery has each attempt with code, time and body', async (t) => {
  const delivery = (await (await get('/v1/deliveries/d1')).json()) as DeliveryAnswer
  t.match(delivery, { status: 'delivered', postbackId: 'p1', acceptedAt: '2026-01-01T00:00:00.000001Z' })
  t.match(delivery.attempts, [
    {
      number: 1,
      outcome: 'retry',
      responseCode: 500,
      startedAt: '2026-01-01T00:00:01.000Z',
      durationMs: 1.234,
      responseBody: '{"ok":1}',
    },
    { number: 2, outcome: 'retry', errorCode: 'timeout' },
    { number: 3, outcome: 'delivered', responseCode: 200, responseBodyTruncated: false },
  ])
  t.equal(delivery.attempts.length, 3, 'an attempt that landed twice stands once')
  t.equal((await get('/v1/deliveries/d5')).status, 404, 'another tenant’s delivery is not there')
})

t.test('a postback is as done as its deliveries', async (t) => {
  t.match(await (await get('/v1/postbacks/p1')).json(), {
    id: 'p1',
    status: 'dead',
    counts: { delivered: 1, dead: 1, pending: 0 },
    deliveries: [{ id: 'd2' }, { id: 'd1' }],
  })
  t.equal((await get('/v1/postbacks/p2')).status, 404)
})

t.test('what happened between attempts is told, and decides the status', async (t) => {
  const base = { ...partner, event: 'e1', at: 5 }
  await insert([
    deliveryRow('h1', 0, 'accepted', base),
    deliveryRow('h1', 0, 'held', { ...base, step: 1 }),
    deliveryRow('h2', 0, 'accepted', { ...base, at: 6 }),
    deliveryRow('h2', 1, 'retry', { ...base, at: 6, code: 500 }),
    deliveryRow('h2', 1, 'held', { ...base, at: 6, step: 2 }),
  ])
  const ids = async (query: string) =>
    (await deliveries(`/v1/deliveries?${query}`)).deliveries.map(({ id }) => id)
  t.same(await ids('status=held'), ['h2', 'h1'])
  await insert([
    deliveryRow('h1', 0, 'redriven', { ...base, step: 2, replay: 'rep_1' }),
    deliveryRow('h2', 1, 'redriven', { ...base, at: 6, step: 3, replay: 'rep_1' }),
  ])
  t.same(await ids('status=held'), [], 'what they were before their rows are merged does not count')
  t.same(await ids('status=pending&event=e1'), ['h1'])
  t.same(await ids('status=retrying&eventType=order.paid'), ['h2'])
  t.match(await (await get('/v1/deliveries/h2')).json(), {
    status: 'retrying',
    event: { source: 'shop', id: 'e1', type: 'order.paid' },
    attempts: [{ number: 1, outcome: 'retry', responseCode: 500 }],
    transitions: [
      { to: 'held', reason: 'endpoint_disabled' },
      { to: 'redriven', replay: 'rep_1' },
    ],
  })
  await tables.command({ query: 'OPTIMIZE TABLE delivery_states FINAL' })
  t.same(await ids('status=pending&event=e1'), ['h1'], 'merged or not')
  t.same(await ids('status=held'), [])
})

t.test('pages of one status go past any number of deliveries that had it before', async (t) => {
  const rows = Array.from({ length: 2_500 }, (_, n) => {
    const id = `m${String(n).padStart(4, '0')}`
    return [
      deliveryRow(id, 0, 'accepted', { postback: 'p3', at: 7 }),
      deliveryRow(id, 1, n % 1_000 === 7 ? 'dead' : 'delivered', { postback: 'p3', at: 7, code: 200 }),
    ]
  })
  await insert(rows.map(([accepted = '']) => accepted))
  await insert(rows.map(([, attempt = '']) => attempt))
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await deliveries(
      `/v1/deliveries?postback=p3&status=dead&limit=2${cursor ? `&cursor=${cursor}` : ''}`,
    )
    seen.push(...page.deliveries.map(({ id }) => id))
    cursor = page.nextCursor
    await insert([deliveryRow(`late${seen.length}`, 0, 'accepted', { postback: 'p3', at: 8 })])
  } while (cursor !== undefined)
  t.same(seen, ['m2007', 'm1007', 'm0007'])
  t.same((await deliveries('/v1/deliveries?postback=p3&status=pending')).deliveries.length, 2)
})

t.test('the summary tells how deliveries go, by endpoint and in the range', async (t) => {
  const endpoint = 'summed'
  await insert([
    deliveryRow('s1', 0, 'accepted', { endpoint }),
    deliveryRow('s1', 1, 'retry', { endpoint }),
    deliveryRow('s1', 2, 'delivered', { endpoint, code: 200 }),
    deliveryRow('s2', 0, 'accepted', { endpoint }),
    deliveryRow('s2', 0, 'held', { endpoint, step: 1 }),
    deliveryRow('s2', 0, 'redriven', { endpoint, step: 2, replay: 'rep_2' }),
    deliveryRow('s2', 1, 'dead', { endpoint, code: 404 }),
  ])
  const summarize = async (query: string) =>
    (await (await get(`/v1/deliveries/summary?endpoint=${endpoint}${query}`)).json()) as object
  const figures = {
    endpoint,
    accepted: 2,
    requests: 3,
    delivered: 1,
    failed: 2,
    unanswered: 1,
    dead: 1,
    held: 1,
    redriven: 1,
    successRate: 0.3333,
  }
  const range = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T00:01:00.000Z' }
  const summary = await summarize('&from=2026-01-01T00:00:05Z&to=2026-01-01T00:00:06Z')
  t.match(summary, { ...range, endpoints: [figures] }, 'of whole minutes')
  const { endpoints } = summary as { endpoints: { durationMs: { p50: number; p99: number } }[] }
  t.ok(Math.abs((endpoints[0]?.durationMs.p50 ?? 0) - 1.234) < 0.02, 'to one percent')
  t.match(await summarize('&from=2025-01-01T00:00:00Z&to=2027-01-01T00:00:00Z'), { endpoints: [figures] })
  t.match(await summarize('&from=2026-01-02T00:00:00Z&to=2026-01-03T00:00:00Z'), { endpoints: [] })
  t.match(await summarize(''), { endpoints: [] }, 'the last hour')
})
