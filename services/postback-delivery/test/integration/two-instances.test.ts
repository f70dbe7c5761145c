// Two instances share a receiver's rate and its breaker, from Kafka to the receiver's door.
import { startDeliveryStateReader } from '@millrace/catalog/delivery-state-reader'
import { deliveryStateTopic } from '@millrace/proto/topics'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import t, { type Test } from 'tap'
import { createService, type PostbackDeliveryService } from '../../src/service.ts'
import { numbered, type Receiver, startMesh, startReceiver, until } from './helper.ts'
import { startPublisher } from './subscription-fixture.ts'

t.setTimeout(120_000)

const partitions = 4
const tenant = 'acme'
const endpoint = 'partner'

/** Sum of a metric over both; labels as they stand in the text. */
async function metricOf(services: readonly PostbackDeliveryService[], name: string): Promise<number[]> {
  const texts = services.map(async ({ operationsPort }) =>
    (await fetch(`http://127.0.0.1:${operationsPort}/metrics`)).text(),
  )
  return (await Promise.all(texts)).map((text) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`millrace_postback_delivery_${name}`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0),
  )
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

async function setUp(t: Test, receiver: Receiver, body: object, given: Record<string, string> = {}) {
  const mesh = await startMesh({ KAFKA_POSTBACKS_PARTITIONS: String(partitions), ...given })
  const publisher = await startPublisher(mesh, tenant)
  await ensureTopics([deliveryStateTopic], mesh.config, mesh.logger)
  const state = await startDeliveryStateReader(mesh.config, mesh.logger, 'test')
  await publisher.putEndpoint(endpoint, { url: `${receiver.origin}/hook`, eventTypes: ['none'], ...body })
  const services: PostbackDeliveryService[] = []
  t.teardown(async () => {
    await Promise.all(services.map((service) => service.stop()))
    await receiver.stop()
    await state.stop()
    await publisher.stop()
    await mesh.stop()
  })
  for (const instanceId of ['first', 'second']) {
    services.push(await createService({ ...mesh.config, instanceId }, mesh.logger))
  }
  const partsOf = (): number[] =>
    [...state.store.withPrefix('instance/')].map(([, { state: told }]) =>
      told?.$case === 'heartbeat' ? told.value.partitions : 0,
    )
  await until('each has told of its partitions', () => {
    const parts = partsOf()
    return parts.length === 2 && parts.every((count) => count > 0) && services.every(isReady)
  })
  const request = (count: number) =>
    mesh.request(numbered(count, receiver.origin, { tenant, endpoint, catalogThrough: 0 }))
  return { mesh, services, request }
}

function isReady({ readiness }: PostbackDeliveryService): boolean {
  return readiness.isReady()
}

t.test('an endpoint’s rate is that of both instances together', async (t) => {
  const perSecond = 20
  const count = 120
  const receiver = await startReceiver()
  const { mesh, services, request } = await setUp(t, receiver, { rateLimit: { perSecond } })
  const startedMs = Date.now()
  // What has no room is put off, on a slow machine twice and then for minutes: not more than has room is sent at once.
  const some = 10
  for (let sent = some; sent <= count; sent += some) {
    await request(some)
    await until(`all but ${some} are accounted for`, () => mesh.attempts.length >= sent - some)
  }
  await until('all are accounted for', () => mesh.attempts.length >= count)
  const tookMs = Date.now() - startedMs
  t.equal(receiver.received.length, count, 'each is sent once')
  // Shares that have just changed may be up to twice as much for two seconds.
  t.ok(tookMs >= ((count - 2 * 2 * perSecond) / (1.05 * perSecond)) * 1_000, `${tookMs} ms`)
  for (const attempts of await metricOf(services, 'attempts_total')) t.ok(attempts > 0, 'both have sent some')
})

t.test('a receiver that one instance has found failing is not asked by the other either', async (t) => {
  const receiver = await startReceiver((_request, response) => {
    response.statusCode = 503
    response.end()
  })
  const { services, request } = await setUp(
    t,
    receiver,
    { retry: { delaysMs: [3_600_000] } },
    { POSTBACK_BREAKER_WINDOW_MS: '1500', POSTBACK_BREAKER_OPEN_MS: '300000' },
  )
  await until('both know that it fails', async () => {
    await request(5)
    return (await metricOf(services, 'open_breakers')).every((open) => open === 1)
  })
  await until(
    'what was under way has ended',
    async () => total(await metricOf(services, 'in_flight_requests')) === 0,
  )
  const asked = receiver.received.length
  const before = await metricOf(services, 'put_off_total')
  await request(60)
  await until('what came since is put off by both', async () => {
    const after = await metricOf(services, 'put_off_total')
    const since = after.map((count, index) => count - (before[index] ?? 0))
    return total(since) >= 60 && since.every((count) => count > 0)
  })
  t.equal(receiver.received.length, asked, 'it was not asked again')
})
