import type { DeliveryState, ReplayProgress } from '@millrace/proto'
import t from 'tap'
import { createDeliveryStateStore, deliveryStateKey } from '../src/delivery-state-store.ts'
import { createReplayProgressIndex } from '../src/replay-progress.ts'

function state(parts: Partial<ReplayProgress>): DeliveryState {
  const value = {
    replay: 'rep_1',
    topic: 'parked',
    partition: 0,
    selected: 0,
    redriven: 0,
    done: false,
    ...parts,
  }
  return { tenant: 'acme', instance: 'i', writtenAtUs: 0, state: { $case: 'replay', value } }
}

const part = (partition: number) => deliveryStateKey.replayPart('acme', 'rep_1', 'parked', partition)

t.test('a replay is as far as its partitions are together, and done when it is said as a whole', (t) => {
  const store = createDeliveryStateStore()
  store.apply(part(0), state({ selected: 5, redriven: 2 }))
  const index = createReplayProgressIndex(store)
  t.equal(index.read('acme', 'rep_2'), undefined)
  store.apply(part(1), state({ selected: 3, redriven: 3, done: true }))
  t.same(index.read('acme', 'rep_1'), { selected: 8, redriven: 5, done: false })
  t.match(index.readPart('acme', 'rep_1', 'parked', 1), { done: true })
  t.same(index.partKeys('acme', 'rep_1'), [part(0), part(1)])
  t.equal(index.read('other', 'rep_1'), undefined, 'of its tenant only')
  store.apply(deliveryStateKey.replay('acme', 'rep_1'), state({ selected: 8, redriven: 8, done: true }))
  store.apply(part(0), undefined)
  store.apply(part(1), undefined)
  t.match(index.read('acme', 'rep_1'), { selected: 8, redriven: 8, done: true })
  t.same(index.partKeys('acme', 'rep_1'), [])
  t.end()
})
