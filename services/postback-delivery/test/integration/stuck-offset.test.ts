import t from 'tap'
import { numbered, startMesh, startReceiver, startService, until } from './helper.ts'

t.setTimeout(120_000)

const behind = 20_000

t.test('one that hangs holds up none of those behind it, and a restart repeats it alone', async (t) => {
  const mesh = await startMesh({ KAFKA_POSTBACKS_PARTITIONS: '1', POSTBACK_TIMEOUT_MS: '100000' })
  const hanging = await startReceiver(() => undefined)
  const healthy = await startReceiver()
  let service = await startService(mesh)
  t.teardown(async () => {
    await hanging.stop()
    await service.stop()
    await healthy.stop()
    await mesh.stop()
  })
  await mesh.request(numbered(1, hanging.origin))
  await until('it hangs', () => hanging.received.length === 1)
  await mesh.request(numbered(behind, healthy.origin))
  await until('all behind it are accounted for', () => mesh.attempts.length === behind, 90_000)
  await service.stop()
  service = await startService(mesh)
  await until('it is sent again', () => hanging.received.length === 2)
  await mesh.request(numbered(1, healthy.origin))
  await until('what came later is accounted for', () => mesh.attempts.length === behind + 1)
  t.equal(healthy.received.length, behind + 1, 'none of the finished ones is repeated')
})
