import { createDeliveryStateStore } from '@millrace/catalog/delivery-state-store'
import type { DeliveryState } from '@millrace/proto'
import t from 'tap'
import { startInstanceShare } from '../src/instance-share.ts'

const heartbeat = (partitions: number, writtenAtMs: number): DeliveryState => ({
  tenant: '',
  instance: '',
  writtenAtUs: writtenAtMs * 1_000,
  state: { $case: 'heartbeat', value: { partitions } },
})

t.test('an instance has a share by the partitions that it reads, among those that are alive', async (t) => {
  const clock = { nowMs: 100_000 }
  const store = createDeliveryStateStore()
  store.apply('instance/long-dead', heartbeat(5, 1_000))
  store.apply('instance/a', heartbeat(2, 99_000))
  const told: [string, boolean][] = []
  const own = startInstanceShare(
    {
      store,
      writer: { put: (key, state) => told.push([key, state !== undefined]) },
      partitions: () => 4,
      now: () => clock.nowMs,
    },
    'self',
  )
  t.equal(own.share(), 4 / 6)
  t.equal(own.count(), 2)
  // By its writer's clock it is old; it has been heard now.
  store.apply('instance/b', heartbeat(2, 50_000))
  store.apply('instance/idle', heartbeat(0, 100_000))
  store.apply('instance/self', heartbeat(4, 100_000))
  t.equal(own.share(), 0.5)
  t.equal(own.count(), 3)
  store.apply('instance/a', undefined)
  t.equal(own.share(), 4 / 6)
  clock.nowMs += 8_000
  t.equal(own.share(), 1)
  t.equal(own.count(), 1)
  own.stop()
  t.same(told, [
    ['instance/self', true],
    ['instance/self', false],
  ])
})
