import { type ServiceError, status } from '@grpc/grpc-js'
import { KeyUsage } from '@millrace/proto'
import { usageTopic } from '@millrace/proto/topics'
import t from 'tap'
import { call, connectGrpc, grpcEvent, issueKey, publish } from './issued-keys.ts'
import {
  freshConfig,
  type RunningIngest,
  readTopic,
  startIngest,
  until,
  untilReady,
} from './running-ingest.ts'

const event = { type: 'visit.recorded' }

t.test('a limit holds for two instances together, within what they take unseen', async (t) => {
  const config = freshConfig()
  const [one, two] = await Promise.all([startIngest(t, config), startIngest(t, config)])
  await Promise.all([untilReady(one), untilReady(two)])
  // Low, so that a busy machine still asks for much more.
  const perSecond = 10
  const { id, key } = await issueKey(one, { rateLimit: { perSecond } })
  await until(
    async () => (await call(two, key, 'POST', '/v1/events', event)).status !== 401,
    'the other instance knows the key',
  )
  const seconds = 6
  const start = Date.now()
  const counts = { admitted: 0, refused: 0 }
  const hammer = async (ingest: RunningIngest): Promise<void> => {
    // However slow the machine is: until there was something to refuse.
    while (Date.now() < start + seconds * 1_000 || counts.refused === 0) {
      const response = await call(ingest, key, 'POST', '/v1/events', event)
      await response.arrayBuffer()
      if (response.status === 202) counts.admitted += 1
      else if (response.status === 429) counts.refused += 1
      else throw new Error(`answered ${response.status}`)
    }
  }
  await Promise.all([hammer(one), hammer(one), hammer(two), hammer(two)])
  const elapsed = (Date.now() - start) / 1_000
  // A second's worth at the start, and what the other instance takes until it is told: on a busy machine that is late.
  const bound = perSecond * elapsed + 3 * perSecond
  t.ok(counts.admitted <= bound, `${counts.admitted} admitted in ${elapsed} s, bound ${bound}`)
  t.comment(
    `admitted ${counts.admitted} of ${perSecond * elapsed} in ${elapsed} s, refused ${counts.refused}`,
  )

  const usages = (await readTopic(config, usageTopic.name, 1)).flat().flatMap(({ value }) => {
    const usage = KeyUsage.decode(value ?? Buffer.alloc(0))
    return usage.keyId === id ? [usage] : []
  })
  t.equal(new Set(usages.map(({ instance }) => instance)).size, 2, 'both have told')
  const last = usages.at(-1)?.lastUsedAtUs ?? 0
  t.ok(last / 1_000 >= start, 'and when the key was last used')
})

t.test('over the limit is 429 with fields, and RESOURCE_EXHAUSTED with a trailer', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const { key } = await issueKey(ingest, { rateLimit: { perSecond: 2 } })
  const first = await call(ingest, key, 'POST', '/v1/events', event)
  t.equal(first.status, 202)
  t.equal(first.headers.get('ratelimit-policy'), '"key";q=2;w=1')
  t.equal(first.headers.get('ratelimit'), '"key";r=1;t=1')
  const batch = await call(ingest, key, 'POST', '/v1/events', Array(61).fill(event))
  t.equal(batch.status, 202, 'a batch is admitted while a token is there')
  t.match(batch.headers.get('ratelimit'), /^"key";r=0;t=3[01]$/)
  const refused = await call(ingest, key, 'POST', '/v1/events', event)
  t.equal(refused.status, 429)
  t.match(await refused.json(), { type: 'urn:millrace:problem:rate-limited' })
  const wait = Number(refused.headers.get('retry-after'))
  t.ok(wait >= 29 && wait <= 31, `retry-after ${wait}`)
  t.match(refused.headers.get('ratelimit'), /^"key";r=0;/)
  const error = await publish(connectGrpc(t, ingest), key, [grpcEvent('1')]).catch((it: ServiceError) => it)
  t.match(error, { code: status.RESOURCE_EXHAUSTED })
  t.match((error as ServiceError).metadata.get('retry-after')[0], /^(29|30|31)$/)
  const unlimited = await issueKey(ingest, {})
  const free = await call(ingest, unlimited.key, 'POST', '/v1/events', event)
  t.equal(free.status, 202)
  t.equal(free.headers.get('ratelimit'), null)
})
