import t from 'tap'
import { createEndpointWatch, type EndpointSeen } from '../src/watch-endpoint.ts'

const dayMs = 24 * 60 * 60 * 1_000
const nowMs = 100 * dayMs

async function reasonOf(failingSinceMs: number, parts: Partial<EndpointSeen>): Promise<string | undefined> {
  const reasons: string[] = []
  const watch = createEndpointWatch(
    {
      disable: async (_endpoint, reason) => {
        reasons.push(reason)
      },
      failingSinceMs: () => failingSinceMs,
      now: () => nowMs,
    },
    { disableAfterMs: 5 * dayMs },
  )
  const seen = {
    tenant: 'acme',
    name: 'a',
    version: 1,
    queueKey: 'k',
    changedAtMs: 0,
    result: 'bad' as const,
  }
  await watch({ ...seen, ...parts })
  return reasons[0]
}

t.test('an endpoint is disabled when it is gone, or after five days of nothing but failures', async (t) => {
  t.equal(await reasonOf(0, { result: 'gone' }), 'it answered 410 Gone')
  t.equal(await reasonOf(nowMs - 5 * dayMs, {}), 'nothing but failures since 1970-04-06T00:00:00.000Z')
  t.equal(await reasonOf(nowMs - 5 * dayMs + 1, {}), undefined, 'not yet')
  t.equal(await reasonOf(nowMs - 5 * dayMs, { result: 'good' }), undefined, 'it is back')
  t.equal(await reasonOf(0, {}), undefined, 'another instance has seen it answer')
})

t.test('who changes or enables an endpoint gives it as much time again', async (t) => {
  t.equal(await reasonOf(nowMs - 9 * dayMs, { changedAtMs: nowMs - dayMs }), undefined)
  t.ok(await reasonOf(nowMs - 9 * dayMs, { changedAtMs: nowMs - 6 * dayMs }))
})
