import type { Progress } from '@millrace/proto'
import t from 'tap'
import { createAnnouncedWrites } from '../src/announced-writes.ts'

const meter = { tenant: 'default', meter: 'visits', version: 1 }
const tell = (partitions: readonly number[], rest: Partial<Progress> = {}): Progress => ({
  instance: 'i',
  partitions: 2,
  landed: partitions.map((partition) => ({ partition, throughUs: 1 })),
  begun: [],
  over: [],
  ...rest,
})

function start() {
  const clock = { ms: 1_000_000 }
  const writes = createAnnouncedWrites(() => clock.ms)
  const scope = writes.scope(meter, { fromMinute: 0, toMinute: 10 })
  return { clock, writes, scope }
}

t.test('nothing is current before every partition is heard of', async (t) => {
  const { writes, scope } = start()
  t.notOk(writes.isCovered())
  writes.apply('a', tell([0]))
  t.notOk(writes.isCurrent(scope, writes.mark()))
  writes.apply('b', tell([1]))
  t.ok(writes.isCovered())
  t.ok(writes.isCurrent(scope, writes.mark()))
})

t.test('a write that is announced ends what was read before it was over', async (t) => {
  const { writes, scope } = start()
  writes.apply('a', tell([0, 1]))
  const mark = writes.mark()
  writes.apply(
    'a',
    tell([0, 1], { begun: [{ number: 7, ranges: [{ ...meter, fromMinute: 9, toMinute: 10 }] }] }),
  )
  t.notOk(writes.isCurrent(scope, mark))
  t.notOk(writes.isCurrent(scope, writes.mark()), 'under way')
  writes.apply('a', tell([0, 1], { over: [7] }))
  t.notOk(writes.isCurrent(scope, mark))
  t.ok(writes.isCurrent(scope, writes.mark()))
})

t.test('a stream that broke ends everything that was read until it is heard again', async (t) => {
  const { writes, scope } = start()
  writes.apply('a', tell([0, 1]))
  const mark = writes.mark()
  writes.lost('a')
  t.notOk(writes.isCovered())
  const between = writes.mark()
  writes.apply('a', tell([0, 1]))
  t.ok(writes.isCovered())
  t.notOk(writes.isCurrent(scope, mark))
  t.notOk(writes.isCurrent(scope, between), 'writes between the streams were not heard of')
  t.ok(writes.isCurrent(scope, writes.mark()))
})

t.test('a partition that changes hands ends everything, for somebody unknown may have had it', async (t) => {
  const { writes, scope } = start()
  writes.apply('a', tell([0, 1]))
  writes.apply('b', tell([]))
  const mark = writes.mark()
  writes.apply('a', tell([0]))
  t.notOk(writes.isCurrent(scope, mark), 'nobody tells of the second partition')
  writes.apply('b', tell([1]))
  t.notOk(writes.isCurrent(scope, mark))
  t.ok(writes.isCurrent(scope, writes.mark()))
})

t.test('silence is not trusted', async (t) => {
  const { clock, writes, scope } = start()
  writes.apply('a', tell([0, 1]))
  const mark = writes.mark()
  clock.ms += 2_000
  t.ok(writes.isCurrent(scope, mark))
  clock.ms += 1_000
  t.notOk(writes.isCurrent(scope, mark))
  t.notOk(writes.isCovered())
  writes.apply('a', tell([0, 1]))
  t.ok(writes.isCovered())
  t.notOk(writes.isCurrent(scope, mark))
})
