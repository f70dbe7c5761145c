import { createLogger } from '@millrace/service-kit/log'
import { Registry } from '@millrace/service-kit/metrics'
import t from 'tap'
import { createReplayMetrics } from '../src/replay-metrics.ts'
import { startReplayRunner } from '../src/replay-runner.ts'
import type { EventReplay } from '../src/replay-store.ts'

function makeReplay(name: string, requestedAt: string): EventReplay {
  return {
    ...{ tenant: 'default', kind: 'replay', name, version: 1, updatedAt: requestedAt, updatedBy: 'test' },
    body: {
      ...{ what: 'events', filter: { status: 'invalid' }, ratePerSecond: 1_000 },
      ...{ status: 'accepted', requestedAt },
    },
  }
}

t.test('one that fails is left alone, and those of its tenant that were asked for later go on', async (t) => {
  const replays = [
    makeReplay('bad', '2026-01-01T00:00:00Z'),
    makeReplay('good', '2026-01-02T00:00:00Z'),
    makeReplay('later', '2026-01-03T00:00:00Z'),
  ]
  const begun: string[] = []
  const done = new Set<string>()
  const allDone = Promise.withResolvers<void>()
  const runner = startReplayRunner(
    {
      replays: () => replays,
      onCatalogChange: () => undefined,
      lanes: () => [{ partition: 0 }],
      store: {
        readDone: async () => done,
        readSelected: async () => undefined,
        async count({ name }) {
          begun.push(name)
          if (name === 'bad') throw new Error('ClickHouse refuses the statement')
          return { left: 0, stillInvalid: 0 }
        },
        select: async () => [],
        findJudged: async () => [],
        remove: async () => undefined,
      },
      send: async () => undefined,
      async insert() {
        const name = begun.at(-1)
        done.add(`default/${name}`)
        if (name === 'later') allDone.resolve()
      },
      untilLanded: async () => undefined,
      metrics: createReplayMetrics(new Registry(), () => 0),
      logger: createLogger('test', 'silent'),
    },
    { partitions: 1 },
  )
  t.teardown(runner.stop)
  await allDone.promise
  t.same([...done], ['default/good', 'default/later'])
  t.same(begun.slice(0, 2), ['bad', 'good'], 'the oldest comes first')
})
