import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { makeEvent } from '../event-fixture.ts'
import { startMesh, until } from './helper.ts'
import { followDeliveries, startPublisher } from './subscription-fixture.ts'

// The group waits ten seconds for a member that was killed before it gives away its partitions.
t.setTimeout(300_000)

const program = join(import.meta.dirname, 'crashing-subscriptions.ts')
/** More in a run by hand. */
const kills = Number(process.env.SUBSCRIPTION_KILLS ?? 1)

const start = (environment: Record<string, string>): ChildProcess =>
  spawn(process.execPath, [program], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  })

const nowUs = () => Date.now() * 1_000

t.test('kill -9 in the middle: each event is handed out once to each endpoint', async (t) => {
  const mesh = await startMesh({ KAFKA_EVENTS_PARTITIONS: '2', POSTBACK_INSTANCE_ID: 'killed' })
  const publisher = await startPublisher(mesh)
  const follower = await followDeliveries(mesh)
  let child = start(mesh.environment)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await follower.stop()
    await publisher.stop()
    await mesh.stop()
  })
  // A message makes more deliveries than a transaction takes: it has to be gone on with in the middle too.
  const [endpoints, events] = [70, 80]
  const messages = 10 * (kills + 1)
  for (let n = 0; n < endpoints; n += 1) await publisher.putEndpoint(`e-${n}`, { url: 'https://a.test/' })
  await publisher.putEndpoint('other', { url: 'https://a.test/', eventTypes: ['nothing'] })
  const publishing = (async () => {
    for (let message = 0; message < messages; message += 1) {
      const ids = Array.from({ length: events }, (_, n) => `${message}-${n}`)
      await publisher.publish(
        ids.map((id) => makeEvent({ id, receivedAtUs: nowUs() })),
        message % 2,
      )
    }
  })()
  const total = messages * events * endpoints
  for (let kill = 1; kill <= kills; kill += 1) {
    const arrived = Math.round((total * kill) / (kills + 1))
    await until(`${arrived} of ${total} are there`, () => follower.deliveries.length >= arrived, 60_000)
    child.kill('SIGKILL')
    await once(child, 'exit')
    child = start(mesh.environment)
  }
  await publishing
  await until('all are there', () => follower.deliveries.length >= total, 120_000)
  // What comes behind everything else tells that nothing more is to come.
  await publisher.publish([makeEvent({ id: 'last', receivedAtUs: nowUs() })], 0)
  await publisher.publish([makeEvent({ id: 'last', source: '/2', receivedAtUs: nowUs() })], 1)
  await until('the last ones are there', () => follower.deliveries.length >= total + 2 * endpoints)
  const ids = new Set(follower.deliveries.map(({ id }) => id))
  t.equal(ids.size, total + 2 * endpoints, 'none is missing')
  t.equal(follower.deliveries.length, total + 2 * endpoints, 'none is there twice')
})
