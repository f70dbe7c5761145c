import t from 'tap'
import { makeEvent } from '../event-fixture.ts'
import { startMesh, until } from './helper.ts'
import { followDeliveries, startPublisher, startSubscriptions } from './subscription-fixture.ts'

t.setTimeout(60_000)

t.test('a write that fails again and again holds up no stop, and is made by the next instance', async (t) => {
  const mesh = await startMesh({ KAFKA_EVENTS_PARTITIONS: '1' })
  const publisher = await startPublisher(mesh)
  const follower = await followDeliveries(mesh)
  const stops = [mesh.stop, publisher.stop, follower.stop]
  t.teardown(async () => {
    for (const stop of stops.reverse()) await stop()
  })
  let tries = 0
  const failing = await startSubscriptions(mesh, 'failing', async (deliveries) => {
    if (deliveries === 0) return
    tries += 1
    throw new Error('Kafka takes no write')
  })
  await publisher.publish([makeEvent({ id: 'a', receivedAtUs: Date.now() * 1_000 })])
  await until('writes fail', () => tries >= 2)
  await failing.stop()
  t.equal(follower.deliveries.length, 0)

  const next = await startSubscriptions(mesh, 'next', async () => undefined)
  stops.push(next.stop)
  await until('it is handed out', () => follower.deliveries.length === 1)
})
