import t from 'tap'
import { createMeshFixture, type MeshFixture, makeEvent, until } from './mesh-fixture.ts'

t.setTimeout(120_000)

const strict = { schema: { required: ['path'], properties: { path: { type: 'string' } } } }
const lenient = { schema: { properties: { path: { type: ['string', 'number'] } } } }
const count = { eventTypes: ['visit.recorded'], aggregation: 'count', groupBy: { page: '/data/path' } }

const putReplay = (mesh: MeshFixture, name: string, changes: object = {}): Promise<void> =>
  mesh.putReplay(name, {
    what: 'events',
    filter: { status: 'invalid', eventType: 'visit.recorded' },
    ratePerSecond: 1_000,
    status: 'accepted',
    requestedAt: new Date().toISOString(),
    ...changes,
  })

const counts = (mesh: MeshFixture): Promise<string> =>
  mesh.value('SELECT (SELECT count() FROM events), (SELECT count() FROM invalid_events)')

const progress = (mesh: MeshFixture, name: string): Promise<string> =>
  mesh.value(`SELECT selected, processed, still_invalid, done FROM replays FINAL WHERE replay = '${name}'`)

t.test(
  'events that a repaired schema lets pass are counted once, however often they are replayed',
  async (t) => {
    const mesh = await createMeshFixture(t)
    await mesh.putEventType('visit.recorded', strict)
    await mesh.putMeter('visits', count)
    await mesh.startAggregator()
    const valid = Array.from({ length: 50 }, () => makeEvent())
    const wrong = Array.from({ length: 120 }, (_, index) => makeEvent({}, { path: index % 3 }))
    const hopeless = [makeEvent({}, { path: {} }), makeEvent({ data: Buffer.from([0xff, 0x22]) })]
    await mesh.publish([...valid, ...wrong, ...hopeless])
    await until('all have landed', async () => (await counts(mesh)) === '50\t122')

    await putReplay(mesh, 'rep_early', { ratePerSecond: 60 })
    await until(
      'a replay before the repair',
      async () => (await progress(mesh, 'rep_early')) === '122\t0\t122\ttrue',
    )
    t.equal(await counts(mesh), '50\t122')

    await mesh.putEventType('visit.recorded', lenient, 2)
    await Promise.all([putReplay(mesh, 'rep_one'), putReplay(mesh, 'rep_two')])
    const isDone = async (name: string) => /\ttrue$/.test(await progress(mesh, name))
    await until('both replays', async () => (await isDone('rep_one')) && (await isDone('rep_two')))
    await putReplay(mesh, 'rep_again')
    await until('another one', async () => (await progress(mesh, 'rep_again')) === '2\t0\t2\ttrue')
    t.equal(await counts(mesh), '170\t2')
    t.equal(await mesh.value('SELECT uniqExact(id), count() FROM events'), '170\t170')
    t.equal(
      await mesh.value(
        `SELECT sum(count), sumIf(count, group = ['1']) FROM meter_minutes WHERE meter = 'visits'`,
      ),
      '170\t40',
    )
    t.equal(
      await mesh.value('SELECT DISTINCT reason FROM invalid_events ORDER BY reason LIMIT 1'),
      'data is not UTF-8',
    )

    // What was replayed is a repeat for good, also for the next owner.
    await mesh.publish([...wrong, ...valid])
    await mesh.publish([makeEvent()])
    await until('the last', async () => (await counts(mesh)) === '171\t2')
  },
)

t.test('a replay takes what its filter and its key allow', async (t) => {
  const mesh = await createMeshFixture(t)
  await mesh.putEventType('visit.recorded', strict)
  await mesh.startAggregator()
  const make = (subject: string, source: string) => makeEvent({ subject, source }, {})
  const withdrawn = makeEvent({ subject: 'eu/3' }, {})
  await mesh.publish([
    make('eu/1', 'shop'),
    make('eu/2', 'kiosk'),
    make('us_1', 'shop'),
    make('', 'shop'),
    withdrawn,
  ])
  await until('all have landed', async () => (await counts(mesh)) === '0\t5')
  await mesh.clickhouse.command({
    query: `INSERT INTO event_changes (tenant, source, id, kind, status)
      VALUES ('default', 'shop', '${withdrawn.id}', 'retraction', 'applied')`,
  })
  await mesh.putEventType('visit.recorded', {}, 2)
  await putReplay(mesh, 'rep_none', { filter: { eventType: 'other' } })
  await putReplay(mesh, 'rep_late', { filter: { to: '2020-01-01T00:00:00Z' } })
  await putReplay(mesh, 'rep_some', {
    filter: { source: 'shop' },
    constraints: { subjects: ['eu/*', 'us%1'] },
  })
  for (const name of ['rep_none', 'rep_late']) {
    await until(name, async () => (await progress(mesh, name)) === '0\t0\t0\ttrue')
  }
  await until('the one', async () => (await progress(mesh, 'rep_some')) === '1\t1\t0\ttrue')
  t.equal(await mesh.value('SELECT subject FROM events'), 'eu/1')
  t.equal(await counts(mesh), '1\t4')
})
