import t from 'tap'
import { createPausedPartitions } from '../src/pause-partitions.ts'

/** A consumer that fails as long as `broken`, and keeps what it was told. */
function createConsumer() {
  const state = { broken: false, calls: [] as string[] }
  const answer = (what: string) => (partitions: readonly { partition: number }[]) => {
    if (state.broken) throw new Error('not assigned yet')
    state.calls.push(`${what} ${partitions.map(({ partition }) => partition).join()}`)
  }
  return { state, pause: answer('pause'), resume: answer('resume') }
}

t.test('a partition is paused and resumed once', async (t) => {
  const consumer = createConsumer()
  const partitions = createPausedPartitions(consumer, 'events')
  for (const call of ['resume', 'pause', 'pause', 'resume', 'resume'] as const) partitions[call](3)
  t.same(consumer.state.calls, ['pause 3', 'resume 3'])
})

t.test('what the client refused is tried again', async (t) => {
  const consumer = createConsumer()
  const partitions = createPausedPartitions(consumer, 'events')
  for (const call of ['pause', 'resume'] as const) {
    consumer.state.broken = true
    t.throws(() => partitions[call](3), /not assigned yet/)
    consumer.state.broken = false
    partitions[call](3)
  }
  t.same(consumer.state.calls, ['pause 3', 'resume 3'])
})

t.test('a partition that comes back is paused anew', async (t) => {
  const consumer = createConsumer()
  const partitions = createPausedPartitions(consumer, 'events')
  partitions.pause(3)
  partitions.forget(3)
  partitions.pause(3)
  t.same(consumer.state.calls, ['pause 3', 'pause 3'])
})
