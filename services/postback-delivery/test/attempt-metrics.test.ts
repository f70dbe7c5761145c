import { createMetrics } from '@millrace/service-kit/metrics'
import t from 'tap'
import { createAttemptMetrics } from '../src/attempt-metrics.ts'

t.test(
  'attempts are counted by receiver, outcome and failure, however often the metrics are read',
  async (t) => {
    const registry = createMetrics('postback-delivery')
    const metrics = createAttemptMetrics(registry, 'sample')
    const read = async (): Promise<readonly string[]> =>
      (await registry.metrics()).split('\n').filter((line) => line.startsWith('sample_attempts_total'))
    const labels = (receiver: string, outcome: string, failure: string): string =>
      `sample_attempts_total{receiver="${receiver}",outcome="${outcome}",failure="${failure}",service="postback-delivery"}`
    t.same(await read(), [])
    metrics.attempted({ receiver: 'postback', outcome: 'delivered', failure: '', seconds: 0.01 })
    metrics.attempted({ receiver: 'postback', outcome: 'retry', failure: 'dns', seconds: 0.01 })
    metrics.attempted({ receiver: 'postback', outcome: 'retry', failure: 'tls', seconds: 0.01 })
    t.same(await read(), [
      `${labels('postback', 'delivered', '')} 1`,
      `${labels('postback', 'retry', 'dns')} 1`,
      `${labels('postback', 'retry', 'tls')} 1`,
    ])
    metrics.attempted({ receiver: 'postback', outcome: 'retry', failure: 'tls', seconds: 0.01 })
    metrics.attempted({ receiver: 'endpoint', outcome: 'delivered', failure: '', seconds: 0.01 })
    t.same(await read(), [
      `${labels('postback', 'delivered', '')} 1`,
      `${labels('postback', 'retry', 'dns')} 1`,
      `${labels('postback', 'retry', 'tls')} 2`,
      `${labels('endpoint', 'delivered', '')} 1`,
    ])
  },
)

t.test('what was decided without a request has taken no time', async (t) => {
  const registry = createMetrics('postback-delivery')
  const metrics = createAttemptMetrics(registry, 'sample')
  metrics.attempted({ receiver: 'endpoint', outcome: 'held', failure: 'endpoint_held', seconds: undefined })
  metrics.attempted({ receiver: 'endpoint', outcome: 'delivered', failure: '', seconds: 0.02 })
  const lines = (await registry.metrics()).split('\n')
  const counts = lines.filter((line) => line.startsWith('sample_attempt_duration_seconds_count'))
  t.same(
    counts.map((line) => [/outcome="(\w+)"/.exec(line)?.[1], line.split(' ').at(-1)]),
    [
      ['held', '0'],
      ['delivered', '1'],
    ],
  )
})
