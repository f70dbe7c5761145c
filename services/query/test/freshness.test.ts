import t from 'tap'
import { createProgressTracker } from '../src/freshness.ts'

const landed = (...through: readonly (readonly [partition: number, throughUs: number])[]) =>
  through.map(([partition, throughUs]) => ({ partition, throughUs }))

t.test('nothing is promised before every partition was heard of', async (t) => {
  const tracker = createProgressTracker()
  t.equal(tracker.through(), undefined)
  tracker.apply({ instance: 'a', partitions: 3, landed: landed([0, 100], [1, 90]), begun: [], over: [] })
  t.equal(tracker.through(), undefined)
  tracker.apply({ instance: 'b', partitions: 3, landed: landed([2, 95]), begun: [], over: [] })
  t.equal(tracker.through(), 90, 'the least of all partitions')
})

t.test('a partition keeps its last time when its aggregator goes away', async (t) => {
  const tracker = createProgressTracker()
  tracker.apply({ instance: 'a', partitions: 2, landed: landed([0, 100], [1, 100]), begun: [], over: [] })
  tracker.apply({ instance: 'b', partitions: 2, landed: landed([1, 500]), begun: [], over: [] })
  t.equal(tracker.through(), 100)
  tracker.apply({ instance: 'b', partitions: 2, landed: landed([0, 400], [1, 510]), begun: [], over: [] })
  t.equal(tracker.through(), 400)
})

t.test('an aggregator whose clock was set back takes back what it said', async (t) => {
  const tracker = createProgressTracker()
  tracker.apply({ instance: 'a', partitions: 1, landed: landed([0, 3_600_000]), begun: [], over: [] })
  tracker.apply({ instance: 'a', partitions: 1, landed: [], begun: [], over: [] })
  t.equal(tracker.through(), 3_600_000, 'which it says itself')
  tracker.apply({ instance: 'a', partitions: 1, landed: landed([0, 200]), begun: [], over: [] })
  t.equal(tracker.through(), 200)
})

t.test('a new owner that begins earlier takes nothing back', async (t) => {
  const tracker = createProgressTracker()
  tracker.apply({ instance: 'a', partitions: 1, landed: landed([0, 100]), begun: [], over: [] })
  tracker.apply({ instance: 'b', partitions: 1, landed: landed([0, 0]), begun: [], over: [] })
  t.equal(tracker.through(), 100)
})
