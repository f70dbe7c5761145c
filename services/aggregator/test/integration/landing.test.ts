import t from 'tap'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'

t.test('every event becomes one row, and rollups equal what the rows add up to', async (t) => {
  const mesh = await createMeshFixture(t)
  const service = await mesh.startAggregator()
  await mesh.putMeter('visits', {
    eventTypes: ['visit.recorded'],
    aggregation: 'count',
    groupBy: { page: '/data/path' },
  })
  await mesh.putMeter('amounts', {
    eventTypes: ['visit.recorded'],
    aggregation: 'sum',
    value: '/data/amount',
  })
  const startUs = Date.UTC(2026, 0, 31, 23, 59) * 1_000
  const events = Array.from({ length: 1_000 }, (_, index) =>
    makeEvent({ occurredAtUs: startUs + index * 1_000_000 }, { path: `/p${index % 7}`, amount: index / 100 }),
  )
  for (let at = 0; at < events.length; at += 100) await mesh.publish(events.slice(at, at + 100))
  await until('1000 visits', async () => (await mesh.landed()) === 1_000)
  t.ok(service.readiness.isReady(), JSON.stringify(service.readiness.missing()))
  t.strictSame(await differingRollups(mesh), [])
  const amounts = `SELECT sum(count), sum(sum), min(min), max(max) FROM meter_minutes WHERE meter = 'amounts'`
  await until('1000 amounts', async () => (await mesh.value(amounts)) === '1000\t4995\t0\t9.99')
  const page = `SELECT sum(count), sum(sum), min(min) FROM meter_minutes WHERE group = ['/p3']`
  t.equal(await mesh.value(page), '143\t0\t\\N')
})

t.test('a row holds what was sent, to the byte and the microsecond', async (t) => {
  const mesh = await createMeshFixture(t)
  await mesh.putMeter('exact', {
    eventTypes: ['visit.recorded'],
    aggregation: 'sum',
    value: '/data/amount',
    groupBy: { zone: '/data/zone', area: '/subject' },
  })
  await mesh.startAggregator()
  const occurredAtUs = Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000 + 123_456
  const source = '{"amount": 12345678901234567890.123456789012345678,\n "zone":"Å\\u0000\'\\t"}'
  await mesh.publish([
    makeEvent({
      id: 'text',
      subject: 'eu/7',
      occurredAtUs,
      data: Buffer.from(source),
      dataSchema: 'urn:schema',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      extensions: {
        flag: { value: { $case: 'boolean', value: false } },
        level: { value: { $case: 'integer', value: -3 } },
        region: { value: { $case: 'text', value: 'north' } },
      },
    }),
    makeEvent({ id: 'bytes', data: Buffer.from([0xff, 0x00, 0xfe]), dataContentType: 'image/png' }),
  ])
  await until('both rows', async () => (await mesh.value('SELECT count() FROM events')) === '2')
  const [row] =
    await mesh.rows(`SELECT * EXCEPT (stored_at, kafka_offset, kafka_partition), toString(readings[1].value) AS value,
    abs(now64(6) - stored_at) < 60 AND abs(now64(6) - received_at) < 60 AS recent FROM events WHERE id = 'text'`)
  t.match(row, {
    tenant: 'default',
    source: 'shop',
    type: 'visit.recorded',
    subject: 'eu/7',
    occurred_at: '2026-01-02 03:04:05.123456',
    data: source,
    data_content_type: 'application/json',
    data_schema: 'urn:schema',
    application: 'web',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    kafka_index: 0,
    value: '12345678901234567890.123456789012345678',
    recent: 1,
    readings: [{ meter: 'exact', group: ['eu/7', "Å\u0000'\t"] }],
  })
  const { extensions } = row as { extensions: string }
  t.strictSame(JSON.parse(extensions), { flag: false, level: -3, region: 'north' })
  t.equal(await mesh.value(`SELECT hex(data) FROM events WHERE id = 'bytes'`), 'FF00FE')
})

t.test('one flush is one part in every table, however many rows and groups it has', async (t) => {
  const mesh = await createMeshFixture(t, {
    AGGREGATOR_BATCH_MAX_AGE_MS: '60000',
    AGGREGATOR_BATCH_MAX_ROWS: '110000',
    AGGREGATOR_BATCH_MAX_BYTES: '1000000000',
    AGGREGATOR_BATCH_TOTAL_BYTES: '100000000000',
  })
  await mesh.putMeter('visits', {
    eventTypes: ['visit.recorded'],
    aggregation: 'count',
    groupBy: { page: '/data/path' },
  })
  await mesh.startAggregator()
  // A new meter has each partition land what it holds, once.
  await until(
    'the meter’s backfill',
    async () => (await mesh.value('SELECT count() FROM backfill_chunks')) === '1',
  )
  // More rows than ClickHouse usually takes for a block, and more groups than it usually aggregates in one piece.
  for (let at = 0; at < 110_000; at += 2_000) {
    const events = Array.from({ length: 2_000 }, (_, index) => makeEvent({}, { path: `/${at + index}` }))
    await mesh.publishTo(0, events)
  }
  await until('all rows', async () => (await mesh.landed()) === 110_000, 60_000)
  const parts =
    await mesh.value(`SELECT countIf(table = 'events'), countIf(table = 'meter_minutes') FROM system.parts
    WHERE database = currentDatabase() AND min_block_number = max_block_number`)
  t.equal(parts, '1\t1')
})
