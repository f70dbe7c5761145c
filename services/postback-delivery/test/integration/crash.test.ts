import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Outcome } from '@millrace/proto'
import { connectTransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import t from 'tap'
import { createService } from '../../src/service.ts'
import { numbered, startMesh, startReceiver, startService, until } from './helper.ts'

// The group waits ten seconds for a member that was killed before it gives away its partitions.
t.setTimeout(180_000)

const main = join(import.meta.dirname, '../../src/main.ts')

function startProcess(environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [main], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

t.test('kill -9 in the middle loses nothing and repeats no more than was under way', async (t) => {
  const concurrency = 8
  /** How long a finished attempt may wait for its transaction to be committed. */
  const batchMs = 1_000
  const mesh = await startMesh({
    POSTBACK_INSTANCE_ID: 'crashing',
    POSTBACK_CONCURRENCY: String(concurrency),
    POSTBACK_CONCURRENCY_PER_ORIGIN: String(concurrency),
  })
  // Answers out of order; a fifth fails at first, so that retries are on their way too.
  const seen = new Map<string, number>()
  // Per request; 0 as long as it is not answered.
  const answeredMs: number[] = []
  const receiver = await startReceiver(({ headers, body }, response, index) => {
    const id = String(headers['webhook-id'])
    const times = (seen.get(id) ?? 0) + 1
    seen.set(id, times)
    const { n } = JSON.parse(body) as { n: number }
    response.statusCode = n % 5 === 0 && times === 1 ? 500 : 200
    answeredMs[index] = 0
    // Some take much longer than those behind them: the low watermark waits for them, the others must not.
    setTimeout(
      () => {
        answeredMs[index] = Date.now()
        response.end()
      },
      n % 40 === 0 ? 2_000 : 20,
    )
  })
  let child = startProcess(mesh.environment)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await receiver.stop()
    await mesh.stop()
  })
  const deliveries = numbered(200, receiver.origin, {
    retry: { preset: '', delaysMs: [1_000], only5xx: false },
  })
  await mesh.request(deliveries)
  let underWay = 0
  for (const arrived of [40, 120]) {
    await until(`${arrived} have arrived`, () => receiver.received.length >= arrived)
    child.kill('SIGKILL')
    await once(child, 'exit')
    underWay += answeredMs.filter((ms) => ms === 0 || ms > Date.now() - batchMs).length
    child = startProcess(mesh.environment)
  }
  const delivered = () => mesh.attempts.filter(({ outcome }) => outcome === Outcome.DELIVERED)
  await until('all are delivered', () => delivered().length >= 200, 60_000)
  t.same(
    new Set(delivered().map(({ deliveryId }) => deliveryId)),
    new Set(deliveries.map(({ id }) => id)),
    'none is lost',
  )
  t.equal(delivered().length, 200, 'each is accounted for once')
  const failed = mesh.attempts.filter(({ outcome }) => outcome === Outcome.RETRY)
  const ids = new Set(failed.map(({ deliveryId }) => deliveryId))
  t.equal(ids.size, failed.length, 'no failed attempt is accounted for twice, and so no delivery forks')
  const repeats = receiver.received.length - mesh.attempts.length
  t.ok(repeats <= underWay, `${repeats} repeats, ${underWay} were under way`)
  t.comment(`${repeats} repeats, ${underWay} were under way`)
})

t.test('a graceful stop ends what is under way: nothing is repeated, nothing lost', async (t) => {
  const mesh = await startMesh({ POSTBACK_CONCURRENCY: '8', POSTBACK_CONCURRENCY_PER_ORIGIN: '8' })
  const receiver = await startReceiver((_request, response) => {
    setTimeout(() => response.end(), 50)
  })
  let service = await startService(mesh)
  t.teardown(async () => {
    await service.stop()
    await receiver.stop()
    await mesh.stop()
  })
  await mesh.request(numbered(150, receiver.origin))
  for (const arrived of [30, 80]) {
    await until(`${arrived} have arrived`, () => receiver.received.length >= arrived)
    await service.stop()
    service = await startService(mesh)
  }
  await until('all are accounted for', () => mesh.attempts.length === 150)
  t.equal(receiver.received.length, 150)
})

t.test('instances that come and go share the work: nothing is lost, no delivery forks', async (t) => {
  const mesh = await startMesh({ KAFKA_POSTBACKS_PARTITIONS: '4', POSTBACK_CONCURRENCY: '8' })
  const receiver = await startReceiver((_request, response) => {
    setTimeout(() => response.end(), 20)
  })
  // Members that are expected back, and that leave the group all the same when they are stopped.
  const first = await createService({ ...mesh.config, instanceId: 'first' }, mesh.logger)
  t.teardown(async () => {
    await first.stop()
    await receiver.stop()
    await mesh.stop()
  })
  await mesh.request(numbered(600, receiver.origin))
  await until('some have arrived', () => receiver.received.length >= 50)
  const second = await createService({ ...mesh.config, instanceId: 'second' }, mesh.logger)
  await until('more have arrived', () => receiver.received.length >= 300)
  await second.stop()
  const leftMs = Date.now()
  await until('all are accounted for', () => mesh.attempts.length >= 600, 60_000)
  t.ok(Date.now() - leftMs < 9_000, 'the one that left is not waited for')
  t.equal(new Set(mesh.attempts.map(({ deliveryId }) => deliveryId)).size, 600)
  t.equal(mesh.attempts.length, 600, 'each is accounted for once')
  t.comment(`${receiver.received.length - 600} repeats`)
})

t.test('a fenced instance takes up its work again', async (t) => {
  const mesh = await startMesh({ POSTBACK_INSTANCE_ID: 'fenced' })
  const receiver = await startReceiver()
  const service = await startService(mesh)
  t.teardown(async () => {
    await service.stop()
    await receiver.stop()
    await mesh.stop()
  })
  await mesh.request(numbered(10, receiver.origin))
  await until('ten are accounted for', () => mesh.attempts.length === 10)
  const usurper = await connectTransactionalProducer(
    mesh.config,
    { clientId: 'usurper', transactionalId: 'millrace-postback-delivery-fenced', timeoutMs: 10_000 },
    mesh.logger,
  )
  await mesh.request(numbered(10, receiver.origin))
  await until('twenty are accounted for', () => mesh.attempts.length === 20)
  t.equal(receiver.received.length, 20, 'nothing is sent again for it')
  await usurper.stop()
})
