import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createSpanRecorder, type Span } from '../src/span-recorder.ts'

/** Takes what a recorder sends, as a collector does. */
async function startCollector(t: Test) {
  const bodies: Buffer[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (request.url === '/v1/traces') bodies.push(Buffer.concat(chunks))
    response.setHeader('content-type', 'application/x-protobuf').end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies }
}

const traceId = '0af7651916cd43dd8448eb211c80319c'
const parent = `00-${traceId}-b7ad6b7169203331-01`
const base = {
  kind: 'server',
  startMs: 1_000.5,
  endMs: 1_002,
  attributes: { 'http.route': '/v1/events' },
} as const
const span = (over: Partial<Span> & Pick<Span, 'trace'>): Span => ({
  ...base,
  name: 'accept',
  parent,
  ...over,
})

t.test('a span of a sampled trace reaches the collector with its ids, name and attributes', async (t) => {
  const collector = await startCollector(t)
  const recorder = createSpanRecorder('ingest', { otlpEndpoint: `${collector.url}/`, traceRatio: 0 })
  const trace = recorder.continueTrace(parent)
  t.equal(trace.traceId, traceId)
  t.equal(trace.sampled, true)
  recorder.record(span({ trace }))
  recorder.record(span({ trace: { ...trace, sampled: false }, name: 'left out' }))
  await recorder.stop()
  const [body = Buffer.alloc(0)] = collector.bodies
  t.equal(collector.bodies.length, 1)
  t.ok(body.includes(Buffer.from(traceId, 'hex')), 'the trace id')
  t.ok(body.includes(Buffer.from(trace.spanId, 'hex')), 'the span id')
  t.ok(body.includes(Buffer.from('b7ad6b7169203331', 'hex')), 'the id of the parent')
  for (const part of ['accept', 'http.route', '/v1/events', 'millrace-ingest'])
    t.ok(body.includes(part), part)
  t.notOk(body.includes('left out'))
})

t.test('a trace that starts here is sampled as often as configured', async (t) => {
  const { url } = await startCollector(t)
  const draws = [0.1, 0.3]
  const recorder = createSpanRecorder(
    'ingest',
    { otlpEndpoint: url, traceRatio: 0.25 },
    () => draws.shift() ?? 1,
  )
  t.equal(recorder.continueTrace(undefined).sampled, true)
  t.equal(recorder.continueTrace(undefined).sampled, false)
  const unsampled = parent.replace(/01$/, '00')
  t.equal(recorder.continueTrace(unsampled).sampled, false, 'the caller has decided already')
  await recorder.stop()
})

t.test('without a collector nothing is sampled here, and nothing sent', async (t) => {
  const recorder = createSpanRecorder('ingest', { otlpEndpoint: '', traceRatio: 1 })
  const trace = recorder.continueTrace(undefined)
  t.equal(trace.sampled, false)
  recorder.record(span({ trace: { ...trace, sampled: true } }))
  await recorder.stop()
})
