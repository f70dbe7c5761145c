import t from 'tap'
import { planFailures } from '../../crash-suite/plan-failures.ts'
import { createRandom } from '../../crash-suite/random.ts'

const plan = (seed: number, brokers = 3) => planFailures(createRandom(seed), 200, brokers)

t.test('a seed gives the same failures again, another one others', (t) => {
  t.strictSame(plan(7), plan(7))
  t.notSame(plan(7), plan(8))
  t.end()
})

t.test('everything is struck, killed and stopped, now and then for longer than a session', (t) => {
  const failures = plan(7)
  const targets = ['aggregator', 'clickhouse', 'ingest', 'kafka-1', 'kafka-2', 'kafka-3']
  t.strictSame([...new Set(failures.map(({ target }) => target))].sort(), targets)
  t.ok(failures.some(({ pausedMs }) => pausedMs === 0))
  t.ok(failures.some(({ target, pausedMs }) => target === 'aggregator' && pausedMs > 10_000))
  t.ok(plan(7, 1).every(({ target }) => !/kafka-[23]/.test(target)))
  t.end()
})
