import { Delivery } from '@millrace/proto'
import { postbacksTopic } from '@millrace/proto/topics'
import t from 'tap'
import { freshConfig, readTopic, startIngest, untilReady } from './running-ingest.ts'

t.test('each data object is a delivery in Kafka before the answer, keyed by its id', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const data = Array.from({ length: 25 }, (_, n) => ({ n }))
  const body = {
    endpoint: {
      method: 'POST',
      url: 'https://partner.example/{n}',
      headers: { 'x-team': 'eu' },
      body: 'n={n}',
    },
    data,
    defaults: { m: 'none' },
    retry: { delaysMs: [1_000] },
  }
  const response = await ingest.post(body, '/v1/postbacks')
  t.equal(response.status, 202)
  const answer = (await response.json()) as { id: string; deliveries: { id: string }[] }
  t.match(answer.id, /^pb_[0-9a-f-]{36}$/)
  const messages = (await readTopic(ingest.config, postbacksTopic.name)).flat()
  const deliveries = new Map(
    messages.map(({ key, value }) => [String(key), Delivery.decode(value ?? Buffer.alloc(0))]),
  )
  t.equal(deliveries.size, 25)
  for (const [n, { id }] of answer.deliveries.entries()) {
    t.match(id, /^dl_[0-9a-f-]{36}$/)
    t.match(deliveries.get(id), {
      tenant: 'default',
      id,
      postbackId: answer.id,
      endpoint: '',
      request: {
        method: 'POST',
        url: body.endpoint.url,
        headers: { 'x-team': 'eu' },
        body: 'n={n}',
        defaults: { m: 'none' },
      },
      data: Buffer.from(`{"n":${n}}`),
      retry: { preset: '', delaysMs: [1_000], only5xx: false },
      attempts: 0,
      application: 'root',
      traceparent: /^00-/,
      timeoutMs: 10_000,
    })
  }
})

t.test('a faulty postback leaves nothing in Kafka', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const body = { endpoint: { method: 'GET', url: 'https://{host}/' }, data: [{ host: 'a' }] }
  t.equal((await ingest.post(body, '/postback')).status, 400)
  t.same((await readTopic(ingest.config, postbacksTopic.name)).flat(), [])
})
