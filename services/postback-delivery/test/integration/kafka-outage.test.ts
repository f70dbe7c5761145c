import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startKafka } from '@millrace/scripts/local-stack'
import t from 'tap'
import { numbered, startMesh, startReceiver, startService, until } from './helper.ts'

t.setTimeout(180_000)

t.test('a broker that is killed and comes back delays deliveries, and loses and forks none', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-delivery-'))
  const kafka = await startKafka({ directory })
  const mesh = await startMesh({ KAFKA_BROKERS: kafka.bootstrapServers })
  const receiver = await startReceiver((_request, response) => {
    setTimeout(() => response.end(), 10)
  })
  const service = await startService(mesh)
  t.teardown(async () => {
    await service.stop()
    await receiver.stop()
    await mesh.stop()
    await kafka.stop()
    await rm(directory, { recursive: true, force: true })
  })
  await until('the service is ready', () => service.readiness.isReady())
  await mesh.request(numbered(1_000, receiver.origin))
  await until('some have arrived', () => receiver.received.length >= 100)
  await kafka.kill()
  await until('the service says that it is not ready', () => !service.readiness.isReady(), 60_000)
  t.match(Object.keys(service.readiness.missing()).sort().join(), /kafka|outcomes/)
  await kafka.restart()
  await until('the service is ready again', () => service.readiness.isReady(), 60_000)
  await until('all are accounted for', () => mesh.attempts.length >= 1_000, 60_000)
  t.equal(new Set(mesh.attempts.map(({ deliveryId }) => deliveryId)).size, 1_000, 'none is lost')
  t.equal(mesh.attempts.length, 1_000, 'each is accounted for once')
  await mesh.request(numbered(10, receiver.origin))
  await until('new ones go on', () => mesh.attempts.length === 1_010)
  t.comment(`${receiver.received.length - 1_010} repeats`)
})
