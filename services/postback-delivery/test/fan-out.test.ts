import { createCatalogStore } from '@millrace/catalog/catalog-store'
import type { Event, EventBatch } from '@millrace/proto'
import t from 'tap'
import { fanOut, type Place } from '../src/fan-out.ts'
import { createRecentEvents } from '../src/recent-events.ts'
import { createSubscriptionIndex } from '../src/subscription-index.ts'
import { createTypeValidity } from '../src/type-validity.ts'
import { makeEvent } from './event-fixture.ts'

const createdAt = '2023-11-14T22:13:20Z'

function setUp(endpoints: Readonly<Record<string, object>>, recentSize = 100) {
  const catalog = createCatalogStore()
  let version = 0
  const put = (kind: string, name: string, body: object): void => {
    version += 1
    const json = JSON.stringify(body)
    const rest = { deleted: false, json, writtenAtUs: 0, writtenBy: '' }
    catalog.apply({ tenant: 'acme', kind, name, version, ...rest }, version)
  }
  for (const [name, body] of Object.entries(endpoints)) {
    put('endpoint', name, { url: 'https://a.test/', secrets: [], createdAt, ...body })
  }
  const dropped: string[] = []
  const deps = {
    index: createSubscriptionIndex(catalog),
    rulesOf: createTypeValidity(catalog),
    catalogPosition: () => 42,
    onDropped: (reason: string) => dropped.push(reason),
  }
  const recent = createRecentEvents(recentSize)
  const made = (batch: EventBatch, after?: Place) => [...fanOut(batch, after, recent, deps)]
  const run = (events: readonly Event[], after?: Place, catalogThrough = 0) => {
    const records = events.map((value) => ({ record: { $case: 'event' as const, value } }))
    return made({ records, catalogThrough }, after)
  }
  const receivers = (...parts: Parameters<typeof run>) =>
    run(...parts).map(({ delivery }) => delivery.endpoint)
  return { put, made, run, receivers, dropped }
}

t.test('an event goes to those whose types and filter it passes', async (t) => {
  const { receivers } = setUp({
    all: {},
    paid: { eventTypes: ['order.paid'] },
    other: { eventTypes: ['order.refunded'] },
    eu: { filter: { all: [{ prefix: { subject: 'eu/' } }, { exact: { source: '/shop' } }] } },
    'not-eu': { filter: { not: { prefix: { subject: 'eu/' } } } },
    gold: { filter: { exact: { level: '3' } } },
    late: { filter: { suffix: { time: '20Z' } } },
    any: { filter: { any: [{ exact: { id: 'no' } }, { exact: { id: 'e-1' } }] } },
  })
  const extensions = { level: { value: { $case: 'integer' as const, value: 3 } } }
  t.same(receivers([makeEvent({ extensions })]), ['all', 'any', 'eu', 'gold', 'late', 'paid'])
  t.same(receivers([makeEvent({ id: 'e-2', subject: '', tenant: 'other' })]), [])
  t.same(receivers([makeEvent({ id: 'e-3', subject: 'us/1' })]), ['all', 'late', 'not-eu', 'paid'])
})

t.test('the delivery says whose, which and what, and has the same id whenever it is made', async (t) => {
  const { run } = setUp({ a: {}, b: {} })
  const event = makeEvent({ traceparent: '00-1' })
  const [a, b] = run([event]).map(({ delivery }) => delivery)
  t.match(a, {
    tenant: 'acme',
    id: /^dl_[\w-]{27}$/,
    endpoint: 'a',
    request: undefined,
    acceptedAtUs: event.receivedAtUs,
    application: 'web-shop',
    traceparent: '00-1',
    catalogThrough: 42,
  })
  t.not(a?.id, b?.id)
  const [again] = setUp({ a: { eventTypes: ['order.paid'] } }).run([makeEvent({ data: '{}' })])
  t.equal(again?.delivery.id, a?.id)
  const others = [{ source: '/other' }, { id: 'e-2' }].map(
    (parts) => setUp({ a: {} }).run([makeEvent(parts)])[0]?.delivery.id,
  )
  t.equal(new Set([...others, a?.id]).size, 3)
})

t.test('what is invalid by its type is not handed out', async (t) => {
  const { put, receivers, dropped } = setUp({ a: {} })
  const schema = { type: 'object', required: ['amount'] }
  put('event-type', 'order.paid', { schema, maxAge: 'PT1H' })
  const old = makeEvent({ id: 'old', occurredAtUs: makeEvent().receivedAtUs - 3_600_000_001 })
  const bad = [makeEvent({ data: '{}' }), makeEvent({ data: '{' }), old]
  t.same(receivers(bad), [])
  t.same(dropped, ['invalid', 'invalid', 'invalid'])
  t.same(receivers([makeEvent(), { ...old, backfill: true }]), ['a', 'a'])
  put('event-type', 'order.paid', { schema: { type: 'string' } })
  t.same(receivers([makeEvent({ id: 'e-9' })]), [], 'a change of the schema is seen by the next event')
})

t.test('a repeat is dropped as long as its event is remembered', async (t) => {
  const { receivers, dropped } = setUp({ a: {} }, 2)
  t.same(receivers([makeEvent(), makeEvent(), makeEvent({ source: '/x' })]), ['a', 'a'])
  t.same(receivers([makeEvent()]), [])
  t.same(dropped, ['repeat', 'repeat'])
  const others = [1, 2, 3, 4].map((n) => makeEvent({ id: `other-${n}` }))
  receivers(others)
  t.same(receivers([makeEvent()]), ['a'], 'more than twice as many later it is not')
})

t.test('an endpoint gets what was accepted after its creation', async (t) => {
  const { receivers } = setUp({ a: {} })
  const createdUs = 1_700_000_000_000_000
  t.same(receivers([makeEvent({ receivedAtUs: createdUs })]), ['a'])
  const before = { receivedAtUs: createdUs - 1 }
  t.same(receivers([makeEvent({ id: '2', ...before })], undefined, 1), [], 'received before')
  t.same(
    receivers([makeEvent({ id: '3', ...before })], undefined, 2),
    ['a'],
    'by a clock behind, yet knowing it',
  )
})

t.test('a message goes on behind any place, with nothing left out and nothing twice', async (t) => {
  const endpoints = { a: {}, b: {}, c: { eventTypes: ['order.paid'] } }
  const events = ['1', '2', '3'].map((id) => makeEvent({ id }))
  const whole = setUp(endpoints).run(events)
  t.equal(whole.length, 9)
  for (const [index, { place }] of whole.entries()) {
    const rest = setUp(endpoints).run(events, place)
    t.same(rest, whole.slice(index + 1), JSON.stringify(place))
  }
})

t.test('no command is handed out, and an event is as soon as a replay finds it valid', async (t) => {
  const { made } = setUp({ a: {} })
  const command = {
    ...{ tenant: 'acme', source: '/shop', id: 'e-1', receivedAtUs: 1_800_000_000_000_000 },
    ...{ application: '', traceparent: '', allowedEventTypes: [], allowedSubjects: [] },
  }
  const batch: EventBatch = {
    catalogThrough: 0,
    records: [
      { record: { $case: 'settlement', value: { ...command, reference: '', settledAtUs: 0 } } },
      { record: { $case: 'retraction', value: { ...command, erase: false } } },
      { record: { $case: 'replayed', value: { event: makeEvent(), replay: 'r', replayedAtUs: 0 } } },
      { record: undefined },
    ],
  }
  t.match(made(batch), [{ place: { record: 2, endpoint: 'a' }, delivery: { endpoint: 'a' } }])
  t.equal(made(batch).length, 0)
})
