import { EventBatch } from '@millrace/proto'
import t from 'tap'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'
import { readMetric } from './read-metric.ts'

t.test(
  'invalid events are kept with the reason, the pointer and the version, and count nowhere',
  async (t) => {
    const mesh = await createMeshFixture(t)
    await mesh.putEventType('visit.recorded', { schema: { type: 'object' } }, 1)
    await mesh.putEventType(
      'visit.recorded',
      { schema: { properties: { path: { type: 'string' } } }, maxAge: 'PT12H' },
      2,
    )
    await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
    const service = await mesh.startAggregator()
    const old = (Date.now() - 13 * 3_600_000) * 1_000
    await mesh.publish([
      makeEvent({ id: 'valid' }),
      makeEvent({ id: 'schema' }, { path: 7 }),
      makeEvent({ id: 'text', data: Buffer.from('{') }),
      makeEvent({ id: 'utf8', data: Buffer.from([0x22, 0xff, 0x22]) }),
      makeEvent({ id: 'old', occurredAtUs: old }),
      makeEvent({ id: 'backfilled', occurredAtUs: old, backfill: true }),
    ])
    await until('the rows', async () => {
      const counts = await mesh.value(
        'SELECT (SELECT count() FROM events), (SELECT count() FROM invalid_events)',
      )
      return counts === '2\t4' && (await mesh.landed()) === 2
    })
    t.strictSame(
      await mesh.rows('SELECT id, reason, pointer, schema_version FROM invalid_events ORDER BY id'),
      [
        {
          id: 'old',
          reason: 'time is older than the maxAge of the event type',
          pointer: '',
          schema_version: 2,
        },
        { id: 'schema', reason: 'must be string', pointer: '/path', schema_version: 2 },
        { id: 'text', reason: 'data is not JSON', pointer: '', schema_version: 2 },
        { id: 'utf8', reason: 'data is not UTF-8', pointer: '', schema_version: 2 },
      ],
    )
    t.equal(await mesh.value(`SELECT hex(data) FROM invalid_events WHERE id = 'utf8'`), '22FF22')
    t.equal(await readMetric(service, 'millrace_aggregator_events_invalid_total', 'visit.recorded'), 4)
  },
)

t.test(
  'what is no event, or changes none that is known, is counted, and the events behind it land',
  async (t) => {
    const mesh = await createMeshFixture(t)
    const service = await mesh.startAggregator()
    await mesh.publishTo(0, [makeEvent()])
    await mesh.publishBytes(0, Buffer.from([0xff, 0xff, 0xff, 0x00]))
    await mesh.publishBytes(0, Buffer.alloc(0))
    const named = {
      tenant: 'default',
      source: 'shop',
      id: 'x',
      receivedAtUs: 1,
      application: 'web',
      traceparent: '',
      allowedEventTypes: [],
      allowedSubjects: [],
    }
    const other: EventBatch = {
      catalogThrough: 1_000_000,
      records: [
        { record: { $case: 'settlement', value: { ...named, reference: 'r', settledAtUs: 1 } } },
        { record: { $case: 'retraction', value: { ...named, erase: false } } },
        { record: undefined },
        { record: { $case: 'event', value: makeEvent() } },
      ],
    }
    await mesh.publishBytes(0, Buffer.from(EventBatch.encode(other).finish()))
    await mesh.publishTo(0, [makeEvent()])
    await until('three rows', async () => (await mesh.value('SELECT count() FROM events')) === '3')
    // Changes land behind the events of their batch.
    await until('two changes', async () => (await mesh.value('SELECT count() FROM event_changes')) === '2')
    for (const [reason, count] of [
      ['undecodable', 1],
      ['empty', 2],
    ] as const) {
      t.equal(await readMetric(service, 'millrace_aggregator_records_skipped_total', reason), count, reason)
    }
    t.strictSame(await mesh.rows('SELECT kind, status FROM event_changes ORDER BY kind'), [
      { kind: 'retraction', status: 'unknown-event' },
      { kind: 'settlement', status: 'unknown-event' },
    ])
  },
)

t.test('a meter that was written before an event counts it, however fast both came', async (t) => {
  const mesh = await createMeshFixture(t)
  await mesh.startAggregator()
  await until('tables', async () => (await mesh.value('SELECT count() FROM events')) === '0')
  for (let version = 1; version <= 10; version += 1) {
    await mesh.putMeter(`meter-${version}`, { eventTypes: ['visit.recorded'], aggregation: 'count' })
    await mesh.publish([makeEvent({ id: String(version) })])
  }
  await until('ten events', async () => (await mesh.value('SELECT count() FROM events')) === '10')
  t.strictSame(await mesh.rows('SELECT id FROM events WHERE length(readings) < toUInt32(id)'), [])
})
