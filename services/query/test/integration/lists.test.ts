// Lists of events out of the real tables.
import t from 'tap'
import { createTables, freshConfig, startService, until } from './mesh-edge.ts'

const config = freshConfig()
const tables = await createTables(t, config)
const { service, get } = await startService(t, config)
await until(() => service.readiness.isReady())

const eventColumns =
  'tenant,source,id,type,subject,occurred_at,received_at,stored_at,data_content_type,data,extensions,application,schema_version,kafka_partition,kafka_offset,kafka_index'

interface Place {
  readonly receivedAt: string
  readonly offset: number
  readonly tenant?: string
  readonly source?: string
  readonly type?: string
  readonly subject?: string
  readonly data?: string
  readonly extensions?: string
}

function eventRow(id: string, place: Place): string {
  const { receivedAt, offset, tenant = 'default', source = 'shop', type = 'order.paid', subject = '' } = place
  const { data = '{}', extensions = '{}' } = place
  return `('${tenant}','${source}','${id}','${type}','${subject}','2026-01-01 00:00:00.000001','${receivedAt}','${receivedAt}','','${data}','${extensions}','web',4,${offset % 2},${offset},0)`
}

const insertEvents = (rows: readonly string[]) =>
  tables.command({ query: `INSERT INTO events (${eventColumns}) VALUES ${rows.join()}` })

interface EventAnswer {
  readonly event: { readonly id: string; readonly [name: string]: unknown }
  readonly status: string
  readonly [name: string]: unknown
}

async function list(path: string): Promise<{ events: EventAnswer[]; nextCursor?: string }> {
  const response = await get(path)
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return (await response.json()) as { events: EventAnswer[]; nextCursor?: string }
}

const ids = ({ events }: { events: readonly EventAnswer[] }): string[] => events.map(({ event }) => event.id)

await insertEvents([
  // Received in the same microsecond: the place in Kafka decides.
  ...[1, 2, 3, 4, 5, 6].map((offset) =>
    eventRow(`e${offset}`, { receivedAt: '2026-01-02 00:00:00.000005', offset }),
  ),
  eventRow('e7', {
    receivedAt: '2026-01-02 00:00:00.000006',
    offset: 7,
    subject: 'eu/1',
    data: '{"amount": 1.10, "n": 12345678901234567890}',
    extensions: '{"priority":3,"vip":true}',
  }),
  eventRow('same', { receivedAt: '2026-01-01 00:00:00', offset: 8, source: 'shop' }),
  eventRow('same', { receivedAt: '2026-01-01 00:00:00', offset: 9, source: 'kiosk', type: 'visit.recorded' }),
  eventRow('foreign', { receivedAt: '2026-01-03 00:00:00', offset: 10, tenant: 'other' }),
])
await tables.command({
  query: `INSERT INTO invalid_events (${eventColumns},reason,pointer) VALUES
    ${eventRow('bad', { receivedAt: '2026-01-02 12:00:00', offset: 11, data: '{"amount":"x"}' }).slice(0, -1)},'must be number','/data/amount'),
    ${eventRow('mended', { receivedAt: '2026-01-01 00:00:01', offset: 12 }).slice(0, -1)},'was invalid once','')`,
})
await insertEvents([eventRow('mended', { receivedAt: '2026-01-01 00:00:01', offset: 12 })])

t.test('events come by receipt, the latest first, valid and invalid ones together', async (t) => {
  const all = await list('/v1/events')
  t.same(ids(all), ['bad', 'e7', 'e5', 'e3', 'e1', 'e6', 'e4', 'e2', 'mended', 'mended', 'same', 'same'])
  t.equal(all.nextCursor, undefined)
})

t.test('filters are exact', async (t) => {
  t.same(ids(await list('/v1/events?status=invalid')), ['bad', 'mended'])
  t.same(ids(await list('/v1/events?subject=eu/1')), ['e7'])
  t.same(ids(await list('/v1/events?type=visit.recorded&source=kiosk')), ['same'])
  t.same(ids(await list('/v1/events?source=nobody')), [])
  t.same(ids(await list('/v1/events?to=2026-01-01T00:00:00.000001Z')), [], 'to is exclusive')
  t.equal((await list('/v1/events?from=2026-01-01T00:00:00.000001Z')).events.length, 12, 'from is inclusive')
  t.same(ids(await list(`/v1/events?type=${encodeURIComponent("x' OR 1=1 --")}`)), [])
})

t.test('a page goes on where the last one ended, whatever is inserted meanwhile', async (t) => {
  const seen: string[] = []
  let cursor: string | undefined
  let offset = 100
  do {
    const page = await list(
      `/v1/events?source=shop&status=processed&limit=2${cursor ? `&cursor=${cursor}` : ''}`,
    )
    seen.push(...ids(page))
    cursor = page.nextCursor
    await insertEvents([eventRow(`late${offset}`, { receivedAt: '2026-01-04 00:00:00', offset })])
    offset += 1
  } while (cursor !== undefined)
  t.same(seen, ['e7', 'e5', 'e3', 'e1', 'e6', 'e4', 'e2', 'mended', 'same'])
})

const changeColumns =
  'tenant,source,id,kind,status,erased,reference,settled_at,received_at,application,kafka_partition,kafka_offset,type,occurred_at,event_status,event_received_at,event_offset'
const changeRow = (id: string, kind: string, status: string, erased: boolean, offset: number, of: number) =>
  `('default','shop','${id}','${kind}','${status}',${erased},'run 7','2026-02-01 00:00:00','2026-02-02 00:00:0${offset - 50}','payroll',${of % 2},${offset},'order.paid','2026-01-01 00:00:00.000001','processed','2026-01-02 00:00:00',${of})`

t.test('an event tells what was settled and retracted, in lists and by its id', async (t) => {
  const rows = [
    changeRow('e5', 'settlement', 'applied', false, 51, 5),
    changeRow('e5', 'retraction', 'refused', false, 52, 5),
    changeRow('e5', 'retraction', 'applied', false, 53, 5),
    changeRow('gone', 'retraction', 'applied', true, 54, 40),
  ]
  await tables.command({ query: `INSERT INTO event_changes (${changeColumns}) VALUES ${rows.join()}` })
  const changed = {
    settlement: { reference: 'run 7', settledAt: '2026-02-01T00:00:00.000Z', by: 'payroll' },
    retraction: { retractedAt: '2026-02-02T00:00:03.000Z', by: 'payroll', erased: false },
  }
  const { events } = await list('/v1/events?source=shop&type=order.paid')
  t.match(
    events.find(({ event }) => event.id === 'e5'),
    changed,
  )
  t.equal(events.filter(({ settlement }) => settlement !== undefined).length, 1)
  t.match(await (await get('/v1/events/e5')).json(), changed)
  const gone = (await (await get('/v1/events/gone')).json()) as EventAnswer
  t.match(gone, {
    event: { id: 'gone', source: 'shop', type: 'order.paid', time: '2026-01-01T00:00:00.000001Z' },
    status: 'processed',
    retraction: { by: 'payroll', erased: true },
  })
  t.notOk('data' in gone.event || 'data_base64' in gone.event)
})

t.test('one event is shown as it was sent, with what became of it', async (t) => {
  const response = await get('/v1/events/e7')
  const text = await response.text()
  t.match(text, '"data":{"amount": 1.10, "n": 12345678901234567890}')
  t.match(JSON.parse(text), {
    event: {
      specversion: '1.0',
      id: 'e7',
      source: 'shop',
      subject: 'eu/1',
      time: '2026-01-01T00:00:00.000001Z',
      priority: 3,
      vip: true,
    },
    status: 'processed',
    receivedAt: '2026-01-02T00:00:00.000006Z',
    application: 'web',
    schemaVersion: 4,
  })
  t.match(await (await get('/v1/events/bad')).json(), {
    status: 'invalid',
    reason: 'must be number',
    pointer: '/data/amount',
  })
  t.match(
    await (await get('/v1/events/mended')).json(),
    { status: 'processed' },
    'a replayed event is processed',
  )
})

t.test('an id that several sources have needs the source', async (t) => {
  const ambiguous = await get('/v1/events/same')
  t.equal(ambiguous.status, 409)
  t.match(await ambiguous.json(), { detail: /kiosk, shop/ })
  t.match(await (await get('/v1/events/same?source=kiosk')).json(), { event: { type: 'visit.recorded' } })
  t.equal((await get('/v1/events/same?source=nobody')).status, 404)
  t.equal((await get('/v1/events/foreign')).status, 404, 'another tenant’s event is not there')
})
