import type { DeliveryState } from '@millrace/proto'
import t from 'tap'
import { createDeliveryStateStore, deliveryStateKey } from '../src/delivery-state-store.ts'

const heartbeat = (partitions: number): DeliveryState => ({
  tenant: '',
  instance: 'a',
  writtenAtUs: 0,
  state: { $case: 'heartbeat', value: { partitions } },
})

t.test('the last state of a key holds, until it is ended', async (t) => {
  const store = createDeliveryStateStore()
  const changes: string[] = []
  const stopListening = store.onChange((key, state) => changes.push(`${key} ${state !== undefined}`))
  const key = deliveryStateKey.instance('a')
  store.apply(key, heartbeat(1))
  store.apply(key, heartbeat(2))
  store.apply(deliveryStateKey.breaker('other'), heartbeat(9))
  t.same(store.get(key), heartbeat(2))
  t.same([...store.withPrefix('instance/')], [[key, heartbeat(2)]])
  store.apply(key, undefined)
  t.equal(store.get(key), undefined)
  stopListening()
  store.apply(key, heartbeat(3))
  t.same(changes, ['instance/a true', 'instance/a true', 'breaker/other true', 'instance/a false'])
})
