import { Outcome } from '@millrace/proto'
import t from 'tap'
import { makeEvent } from '../event-fixture.ts'
import { makeDelivery } from '../helper.ts'
import { startMesh, startReceiver, startService, until } from './helper.ts'
import { startPublisher } from './subscription-fixture.ts'

t.setTimeout(60_000)

t.test('an endpoint that cannot be used holds up no other, and its deliveries are held', async (t) => {
  const mesh = await startMesh({ KAFKA_EVENTS_PARTITIONS: '1' })
  const publisher = await startPublisher(mesh)
  const receiver = await startReceiver()
  const stops = [mesh.stop, publisher.stop, receiver.stop]
  t.teardown(async () => {
    for (const stop of stops.reverse()) await stop()
  })
  const url = `${receiver.origin}/good`
  await publisher.putEndpoint('good', { url })
  await publisher.putEndpoint('spoilt', { url: 5, eventTypes: 'all', filter: { exact: 5 }, secrets: null })
  // Types, too: what is of this one is invalid.
  await publisher.putEventType('spoilt.type', { rates: [null] })
  const service = await startService(mesh)
  stops.push(service.stop)
  await until('the service is ready', () => service.readiness.isReady())
  await publisher.putEndpoint('spoilt-later', { url, filter: { any: [null] } })
  const event = (id: string, type?: string) =>
    makeEvent({ id, receivedAtUs: Date.now() * 1_000, ...(type !== undefined && { type }) })
  await publisher.publish([event('of-it', 'spoilt.type'), event('one')])
  await mesh.request([makeDelivery({ tenant: 'acme', id: 'kept', endpoint: 'spoilt' })])
  await until('the others have theirs', () => mesh.attempts.length === 2)
  t.same(mesh.attempts.map(({ endpoint, outcome }) => [endpoint, outcome]).sort(), [
    ['good', Outcome.DELIVERED],
    ['spoilt', Outcome.HELD],
  ])
  t.equal(receiver.received.length, 1)
  const metrics = await fetch(`http://127.0.0.1:${service.operationsPort}/metrics`)
  t.match(await metrics.text(), /^millrace_postback_delivery_catalog_unusable_resources\{[^}]*\} 2$/m)
  await publisher.putEndpoint('spoilt', { url: `${receiver.origin}/mended` })
  await publisher.publish([event('two')])
  await until('it gets what comes from then on', () => receiver.received.some(({ url }) => url === '/mended'))
})
