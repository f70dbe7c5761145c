import type { Event } from '@millrace/proto'
import { evictMembers } from '@millrace/scripts/evict-members'
import t, { type Test } from 'tap'
import { subscriptionsGroup } from '../../src/subscription-consumer.ts'
import { makeEvent } from '../event-fixture.ts'
import { startMesh, until } from './helper.ts'
import { followDeliveries, startPublisher, startSubscriptions } from './subscription-fixture.ts'

t.setTimeout(120_000)

/** One partition of events, and an instance whose first write with deliveries waits at the gate. */
async function setUp(t: Test) {
  const mesh = await startMesh({ KAFKA_EVENTS_PARTITIONS: '1' })
  const publisher = await startPublisher(mesh)
  const follower = await followDeliveries(mesh)
  const gate = Promise.withResolvers<void>()
  const state = { waits: false }
  const first = await startSubscriptions(mesh, 'first', async (deliveries) => {
    if (deliveries === 0) return
    state.waits = true
    await gate.promise
  })
  const stops = [mesh.stop, publisher.stop, follower.stop, first.stop]
  t.teardown(async () => {
    gate.resolve()
    for (const stop of stops.reverse()) await stop()
  })
  const publish = async (...ids: string[]): Promise<void> => {
    const event = (id: string): Event => makeEvent({ id, receivedAtUs: Date.now() * 1_000 })
    for (const id of ids) await publisher.publish([event(id)])
  }
  const evict = async (): Promise<void> => {
    const [broker = ''] = mesh.config.kafkaBrokers
    t.equal(await evictMembers(broker, mesh.config.kafkaTopicPrefix + subscriptionsGroup), 1)
  }
  const delivered = (): number => follower.deliveries.length
  const once = (count: number): void => {
    t.equal(delivered(), count)
    t.equal(new Set(follower.deliveries.map(({ id }) => id)).size, count, 'each once')
  }
  return { mesh, first, stops, publish, evict, delivered, once, open: gate.resolve, waits: () => state.waits }
}

const many = (name: string): string[] => Array.from({ length: 20 }, (_, n) => `${name}-${n}`)

t.test('one that was thrown out while it writes joins again, and hands out all of it once', async (t) => {
  const { first, publish, evict, delivered, once, open, waits } = await setUp(t)
  await publish('a', 'b')
  await until('a write is under way', waits)
  await publish(...many('c'))
  await evict()
  open()
  await until('all are handed out', () => delivered() >= 22)
  await publish('last')
  await until('the last one is handed out', () => delivered() >= 23)
  once(23)
  t.match(
    first.states.find((missing) => missing !== undefined),
    /cannot be written/,
    'Kafka has refused it',
  )
  t.equal(first.states.at(-1), undefined, 'it is ready again')
})

t.test('what another one has handed out meanwhile it does not hand out', async (t) => {
  const { mesh, stops, publish, evict, delivered, once, open, waits, first } = await setUp(t)
  await publish('a', 'b')
  await until('a write is under way', waits)
  await publish(...many('c'))
  await evict()
  const second = await startSubscriptions(mesh, 'second', async () => undefined)
  stops.push(second.stop)
  await until('the new owner has handed out all', () => delivered() >= 22)
  open()
  // With one partition one of them has nothing more to write: it has given up what it held.
  await until(
    'the evicted one is ready again',
    () => first.states.some(Boolean) && first.states.at(-1) === undefined,
  )
  await publish(...many('d'))
  await until('what comes later is handed out', () => delivered() >= 42)
  once(42)
})
