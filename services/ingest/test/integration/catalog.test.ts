import { CatalogRecord } from '@millrace/proto'
import { catalogTopic } from '@millrace/proto/topics'
import t from 'tap'
import { freshConfig, readTopic, startIngest, untilReady } from './running-ingest.ts'

const meter = { eventTypes: ['visit.recorded'], aggregation: 'count' }

t.test('a resource is created, changed, guarded and deleted', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const path = '/v1/meters/visits'
  const created = await ingest.put(path, meter)
  t.equal(created.status, 201)
  t.equal(created.headers.get('etag'), '"1"')
  t.match(await created.json(), { name: 'visits', version: 1, updatedAt: /Z$/, ...meter })
  const same = await ingest.put(path, meter)
  t.equal(same.status, 200)
  t.equal(same.headers.get('etag'), '"1"', 'nothing changed')
  const changed = await ingest.put(path, { ...meter, description: 'visits' }, { 'if-match': '"1"' })
  t.equal(changed.status, 200)
  t.equal(changed.headers.get('etag'), '"2"')
  t.equal((await ingest.put(path, meter, { 'if-match': '"1"' })).status, 412)
  t.equal((await ingest.put(path, meter, { 'if-none-match': '*' })).status, 412)
  const headers = { authorization: 'Bearer root-key-of-the-tests' }
  const remove = () =>
    fetch(`http://127.0.0.1:${ingest.service.httpPort}${path}`, { method: 'DELETE', headers })
  t.equal((await remove()).status, 200)
  t.equal((await remove()).status, 404)
  t.equal((await ingest.put(path, meter, { 'if-match': '*' })).status, 412)
  const again = await ingest.put(path, meter)
  t.equal(again.status, 201)
  t.equal(again.headers.get('etag'), '"4"')
})

t.test('of two instances that change one version, one wins and the other gets 412', async (t) => {
  const config = freshConfig()
  const [one, two] = await Promise.all([startIngest(t, config), startIngest(t, config)])
  await Promise.all([untilReady(one), untilReady(two)])
  const path = '/v1/event-types/care.x-ray'
  t.equal((await one.put(path, {})).status, 201)
  for (let version = 1; version <= 5; version += 1) {
    const answers = await Promise.all(
      [one, two].map((instance, by) =>
        instance.put(path, { description: `${version} by ${by}` }, { 'if-match': `"${version}"` }),
      ),
    )
    t.same(answers.map(({ status }) => status).sort(), [200, 412], `version ${version}`)
  }
})

t.test('of two instances that write at once nothing is lost, neither names nor changes of one', async (t) => {
  const config = freshConfig()
  const [one, two] = await Promise.all([startIngest(t, config), startIngest(t, config)])
  await Promise.all([untilReady(one), untilReady(two)])
  const names = Array.from({ length: 4 }, (_, index) => `meter-${index}`)
  const answers = await Promise.all(
    names.flatMap((name) =>
      [one, two].map(async (instance) => {
        const { status } = await instance.put(`/v1/meters/${name}`, meter, { 'if-none-match': '*' })
        return { name, status }
      }),
    ),
  )
  const byName = Map.groupBy(answers, ({ name }) => name)
  for (const name of names) {
    t.same(
      byName
        .get(name)
        ?.map(({ status }) => status)
        .sort(),
      [201, 412],
      `${name} was made once`,
    )
  }
  const changes = Array.from({ length: 4 }, (_, index) => index)
  const versions = await Promise.all(
    changes.map(async (index) => {
      const response = await (index % 2 === 0 ? one : two).put('/v1/meters/meter-0', {
        ...meter,
        description: `change ${index}`,
      })
      return response.headers.get('etag')
    }),
  )
  t.same(versions.sort(), ['"2"', '"3"', '"4"', '"5"'], 'each change has a version of its own')
  const records = (await readTopic(config, catalogTopic.name, 1)).flat().map(({ value }) => {
    return CatalogRecord.decode(value ?? Buffer.alloc(0))
  })
  t.same(
    records.map(({ name, version }) => `${name} ${version}`).sort(),
    [...new Set([...names.map((name) => `${name} 1`), ...[2, 3, 4, 5].map((it) => `meter-0 ${it}`)])].sort(),
  )
})

t.test('an instance that starts later sees what was written before', async (t) => {
  const config = freshConfig()
  const one = await startIngest(t, config)
  await untilReady(one)
  t.equal((await one.put('/v1/meters/a', meter)).status, 201)
  const two = await startIngest(t, config)
  await untilReady(two)
  const answer = await two.put('/v1/meters/a', { ...meter, description: 'changed' }, { 'if-match': '"1"' })
  t.equal(answer.status, 200)
})
