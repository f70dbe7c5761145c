import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { startPrivateMesh } from './private-mesh.ts'

/** Takes the spans that the services send, as a collector does. */
const sent: Buffer[] = []
const collector = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  sent.push(Buffer.concat(chunks))
  response.setHeader('content-type', 'application/x-protobuf').end()
})
collector.listen(0, '127.0.0.1')
await once(collector, 'listening')
t.teardown(() => {
  collector.close()
  collector.closeAllConnections()
})
// The services of the stack take over what this process has.
process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
process.env.OTEL_TRACES_SAMPLER_ARG = '0'

const { address } = await startPrivateMesh(t)

async function post(path: string, traceId: string, body: object): Promise<number> {
  const response = await fetch(`${address.ingestUrl}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${address.key}`,
      'content-type': 'application/json',
      traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
    },
    body: JSON.stringify(body),
  })
  await response.arrayBuffer()
  return response.status
}

/** Whether a service has sent a span of this name in this trace. */
function isTold(traceId: string, service: string, name: string): boolean {
  const id = Buffer.from(traceId, 'hex')
  return sent.some((body) => body.includes(id) && body.includes(`millrace-${service}`) && body.includes(name))
}

async function told(traceId: string, service: string, name: string): Promise<boolean> {
  const deadline = Date.now() + 20_000
  while (!isTold(traceId, service, name) && Date.now() < deadline) await delay(100)
  return isTold(traceId, service, name)
}

t.test('a trace follows an event from the request into ClickHouse', async (t) => {
  const traceId = randomBytes(16).toString('hex')
  t.equal(await post('/v1/events', traceId, { type: 'traced', id: randomUUID(), source: '/e2e' }), 202)
  t.ok(await told(traceId, 'ingest', 'POST /v1/events'))
  t.ok(await told(traceId, 'aggregator', 'land'))
})

t.test('a trace follows a postback from the request to its attempt', async (t) => {
  const traceId = randomBytes(16).toString('hex')
  const endpoint = { method: 'GET', url: `${address.queryUrl}/ping?name={name}` }
  t.equal(await post('/v1/postbacks', traceId, { endpoint, data: [{ name: 'Gopher' }] }), 202)
  t.ok(await told(traceId, 'ingest', 'POST /v1/postbacks'))
  t.ok(await told(traceId, 'postback-delivery', 'deliver'))
})
