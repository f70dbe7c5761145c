// Does to a running mesh, over and over, what the dashboards have panels for: good, bad, repeated and refused requests,
// receivers that answer, fail, are slow and are not there, reports, a live view. For check-dashboards.ts.
//   node scripts/containers/varied-load.ts --ingest URL --query URL --receiver HOST --seconds 120   MILLRACE_ROOT_KEY
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { meshOptions, readRootKey } from './mesh-options.ts'

const { values } = parseArgs({
  options: {
    ...meshOptions,
    seconds: { type: 'string', default: '120' },
  },
})
const key = readRootKey()

const everyMs = 250
const failingEvery = 4
const slowMs = 2_000
const statuses = new Map<string, number>()

async function ask(method: string, url: string, body?: unknown, sentKey = key): Promise<void> {
  const status = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${sentKey}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  })
    .then(async (response) => {
      await response.arrayBuffer()
      return String(response.status)
    })
    // A mesh that is away is counted like any other answer.
    .catch((error: Error) => error.name)
  const line = `${method} ${new URL(url).pathname}: ${status}`
  statuses.set(line, (statuses.get(line) ?? 0) + 1)
}

let asked = 0
const server = createServer((request, response) => {
  request.resume()
  asked += 1
  response.statusCode = asked % failingEvery === 0 ? 503 : 200
  setTimeout(() => response.end(), request.url === '/slow' ? slowMs : 0)
})
server.listen(0, values.receiver)
await once(server, 'listening')
const receiver = `http://${values.receiver}:${(server.address() as AddressInfo).port}`

const type = 'millrace.varied'
const soon = { delaysMs: [1_000, 1_000, 1_000] }
const resources: readonly (readonly [path: string, body: unknown])[] = [
  [`event-types/${type}`, { schema: { type: 'object', required: ['page'] } }],
  ['meters/varied-visits', { eventTypes: [type], aggregation: 'count', groupBy: { page: '/data/page' } }],
  ['meters/varied-amount', { eventTypes: [type], aggregation: 'sum', value: '/data/amount' }],
  ['endpoints/varied', { url: `${receiver}/hook`, eventTypes: [type], retry: soon }],
  ['endpoints/varied-slow', { url: `${receiver}/slow`, eventTypes: [type], concurrency: 1, retry: soon }],
  ['endpoints/varied-away', { url: `http://${values.receiver}:9/`, eventTypes: [type], retry: soon }],
]
for (const [path, body] of resources) await ask('PUT', `${values.ingest}/v1/${path}`, body)

const over = AbortSignal.timeout(Number(values.seconds) * 1_000)
const live = fetch(`${values.query}/v1/reports/varied-visits/live`, {
  headers: { authorization: `Bearer ${key}` },
  signal: over,
})
  .then((response) => response.arrayBuffer())
  // It is cut by the end of the run, or by the mesh's absence.
  .catch(() => undefined)

const event = (data: object) => ({ id: randomUUID(), source: '/varied', type, data })
for (let turn = 0; !over.aborted; turn += 1) {
  const one = event({ page: `/p${turn % 5}`, amount: turn })
  const events = `${values.ingest}/v1/events`
  const report = `${values.query}/v1/reports/varied-visits?window=total`
  await Promise.all([
    ask('POST', events, [one, event({ page: '/without-amount' }), event({ amount: 1 })]),
    ask('POST', events, one),
    ask('POST', events, { type: '' }),
    ask('POST', events, one, 'no-such-key'),
    ask('POST', `${values.ingest}/v1/postbacks`, {
      endpoint: { method: 'GET', url: 'http://no-such-host.invalid/{id}' },
      data: [{ id: one.id }],
    }),
    ask('GET', report),
    ask('GET', `${report}&filter.page=/p${turn % 5}`),
    ask('GET', `${values.query}/v1/reports/no-such-meter`),
    ask('GET', `${values.query}/v1/events/${one.id}`),
  ])
  await delay(everyMs)
}
await live
server.close()
server.closeAllConnections()
const byCount = [...statuses].toSorted((left, right) => right[1] - left[1])
for (const [line, count] of byCount.filter(([, count]) => count > 1)) console.log(`${count}  ${line}`)
