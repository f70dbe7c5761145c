import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { status } from '@grpc/grpc-js'
import { fastify } from 'fastify'
import { type Test, test } from 'tap'
import { createMetrics, Histogram, Registry } from '../src/metrics.ts'
import { createRequestDurations, observeGrpcCalls, observeHttpRequests } from '../src/request-durations.ts'

/** Samples of one metric as Prometheus reads them, by name and labels. */
async function samples(registry: Registry, name: string): Promise<Map<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith(name))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

test('durations are exposed as the library’s own histogram exposes them', async (t) => {
  const seconds = [0, 0.001, 0.0011, 0.02, 0.25, 0.3, 10, 11, 0.02]
  const ours = new Registry()
  const durations = createRequestDurations(ours, 'sample')
  const theirs = new Registry()
  const histogram = new Histogram({
    name: 'millrace_sample_request_seconds',
    help: 'the same',
    labelNames: ['route', 'class'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [theirs],
  })
  for (const value of seconds) {
    for (const route of ['GET /a', 'GET /b']) {
      durations.observe(route, 202, value)
      histogram.observe({ route, class: '2xx' }, value)
    }
  }
  const sorted = (map: Map<string, number>): [string, number][] =>
    [...map]
      .map(([name, value]): [string, number] => [
        name.replace(/\{(.*)\}/, (_, labels) => `{${labels.split(',').sort().join(',')}}`),
        value,
      ])
      .sort()
  const name = 'millrace_sample_request_seconds'
  t.same(sorted(await samples(ours, name)), sorted(await samples(theirs, name)))
  t.match(await ours.metrics(), '# TYPE millrace_sample_request_seconds histogram')
})

test('an answer counts under its route and class, whatever the address was', async (t) => {
  const registry = createMetrics('sample-service')
  const app = fastify({ logger: false })
  observeHttpRequests(app, createRequestDurations(registry, 'sample-service'))
  app.get('/things/:id', (request, reply) =>
    reply.code((request.params as { id: string }).id === 'none' ? 404 : 200).send('thing'),
  )
  for (const url of ['/things/1', '/things/2', '/things/none', '/elsewhere']) await app.inject(url)
  await app.close()
  const counts = await samples(registry, 'millrace_sample_service_request_seconds_count')
  const count = (route: string, statusClass: string) =>
    [...counts].find(
      ([name]) => name.includes(`route="${route}"`) && name.includes(`class="${statusClass}"`),
    )?.[1]
  t.equal(count('GET /things/:id', '2xx'), 2)
  t.equal(count('GET /things/:id', '4xx'), 1)
  t.equal(count('GET unmatched', '4xx'), 1)
  t.equal(counts.size, 3)
})

/** An app that listens, and what is observed of it. */
async function listen(t: Test) {
  const observed: [route: string, status: number][] = []
  const app = fastify({ logger: false })
  t.teardown(() => app.close())
  observeHttpRequests(app, { observe: (route, httpStatus) => observed.push([route, httpStatus]) })
  const ask = async (path: string) => {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(`GET ${path} HTTP/1.1\r\nhost: a.example\r\n\r\n`)
    return socket
  }
  return { app, observed, ask }
}

test('a hijacked answer is not observed, however it ends', async (t) => {
  const { app, observed, ask } = await listen(t)
  const closed: Promise<unknown>[] = []
  app.get('/stream', (_request, reply) => {
    reply.hijack()
    closed.push(once(reply.raw, 'close'))
    reply.raw.write('first')
  })
  app.get('/ended', (_request, reply) => {
    reply.hijack()
    closed.push(once(reply.raw, 'close'))
    reply.raw.end('all')
  })
  app.get('/plain', () => 'plain')
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const path of ['/stream', '/ended']) {
    const socket = await ask(path)
    await once(socket, 'data')
    socket.destroy()
  }
  await Promise.all(closed)
  await app.inject('/plain')
  t.same(observed, [['GET /plain', 200]])
})

test('who gives up before the answer is observed once, as 499', async (t) => {
  const { app, observed, ask } = await listen(t)
  const asked = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  const over = Promise.withResolvers<void>()
  app.get('/slow', async (_request, reply) => {
    reply.raw.once('close', gone.resolve)
    asked.resolve()
    await gone.promise
    setImmediate(() => setImmediate(over.resolve))
    return 'too late'
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = await ask('/slow')
  await asked.promise
  socket.destroy()
  await over.promise
  t.same(observed, [['GET /slow', 499]])
})

test('a gRPC call counts under the class of the HTTP status that means the same; a stream does not count', (t) => {
  const observed: [string, number][] = []
  const answers = [undefined, status.INVALID_ARGUMENT, status.UNAVAILABLE, status.UNKNOWN]
  const method = { requestStream: false, responseStream: false }
  const watch = (): void => {}
  const service = {
    definition: { getThing: method, watchThings: { ...method, responseStream: true } },
    implementation: {
      getThing: (_call: unknown, callback: (error: { code: number } | null, answer?: string) => void) => {
        const code = answers.shift()
        if (code === undefined) callback(null, 'thing')
        else callback({ code })
      },
      watchThings: watch,
    },
  }
  const durations = {
    observe: (route: string, httpStatus: number) => observed.push([route, Math.floor(httpStatus / 100)]),
  }
  const { getThing, watchThings } = observeGrpcCalls(service as never, durations as never)
  const told: unknown[] = []
  for (let call = 0; call < 4; call += 1) {
    ;(getThing as (...parameters: unknown[]) => void)({}, (...answer: unknown[]) => told.push(answer))
  }
  t.same(
    observed,
    [2, 4, 5, 5].map((statusClass) => ['grpc GetThing', statusClass]),
  )
  t.same(told[0], [null, 'thing'])
  t.equal(watchThings as unknown, watch)
  t.end()
})
