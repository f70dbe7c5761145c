import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CloudEventJson, createMeshHttp, type MeshAddress } from '../client/mesh-http.ts'
import { visitedPaths } from '../load/visited-paths.ts'
import { waitUntil } from '../local-stack/wait-until.ts'

/** Something of everything, so that each view of the console has what it shows. */
export interface Scene {
  /** Of a receiver that takes everything. */
  readonly receiverUrl: string
  /** Of the invalid event that stands for the others. */
  readonly invalidId: string
  /** A delivery that was given up. */
  readonly deadId: string
  stop(): Promise<void>
}

const shops = ['eu/stockholm', 'eu/berlin', 'us/austin']
const hourMs = 3_600_000

export async function setScene(address: MeshAddress): Promise<Scene> {
  const http = createMeshHttp(address)
  const receivers = await startReceivers()
  await writeCatalog(http, receivers.urls.ok)
  const now = Date.now()
  // A chart by second would show nothing but one large batch.
  const visits = visitsOfADay(now)
  for (let from = 0; from < visits.length; from += 50) await http.publish(visits.slice(from, from + 50))
  await http.publish(ordersOfADay(now))
  const deliveries = await requestDeliveries(http, receivers.urls)
  await sendCommand(address, 'POST', '/v1/events/order-3/settlement?source=/shop', {
    reference: 'payout-2026-11',
  })
  await sendCommand(address, 'DELETE', '/v1/events/order-7?source=/shop')
  await sendCommand(address, 'POST', '/v1/keys', {
    application: 'web-shop',
    scopes: ['events:write', 'reports:read'],
    constraints: { eventTypes: ['order.*'] },
    rateLimit: { perSecond: 1_000 },
  })
  await waitUntil(async () => (await readStatus(address, deliveries.deadId)) === 'dead', {
    timeoutMs: 30_000,
    everyMs: 100,
    what: 'a delivery is dead',
  })
  return {
    receiverUrl: receivers.urls.ok,
    invalidId: 'visit-without-path-0',
    deadId: deliveries.deadId,
    stop: receivers.stop,
  }
}

const answers = {
  ok: [200, '{"received": true}'],
  down: [500, '{"error": "maintenance until 18:00"}'],
  gone: [410, '{"error": "this hook was removed"}'],
  removed: [404, '{"error": "no such hook"}'],
} as const
type ReceiverName = keyof typeof answers
type ReceiverUrls = Readonly<Record<ReceiverName, string>>

/** An origin each: what fails at one of them is no reason to spare the others. */
async function startReceivers(): Promise<{ urls: ReceiverUrls; stop: () => Promise<void> }> {
  const names = Object.keys(answers) as ReceiverName[]
  const started = await Promise.all(
    names.map(async (name) => {
      const [status, text] = answers[name]
      const server = createServer((request, response) => {
        request.resume()
        response.writeHead(status, { 'content-type': 'application/json' }).end(text)
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      return {
        server,
        entry: [name, `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}`] as const,
      }
    }),
  )
  return {
    urls: Object.fromEntries(started.map(({ entry }) => entry)) as ReceiverUrls,
    stop: async () => {
      for (const { server } of started) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

async function writeCatalog(http: ReturnType<typeof createMeshHttp>, receiverUrl: string): Promise<void> {
  await http.put('/v1/event-types/visit.recorded', {
    description: 'A page was visited.',
    schema: { type: 'object', required: ['path'], properties: { path: { type: 'string' } } },
    retention: 'P5Y',
  })
  await http.put('/v1/event-types/order.paid', {
    description: 'An order was paid.',
    rates: [{ effectiveFrom: '2017-01-01T00:00:00Z', amountMinor: 250, currency: 'EUR' }],
  })
  await http.put('/v1/meters/visits', {
    description: 'Page visits of all sites',
    eventTypes: ['visit.recorded'],
    aggregation: 'count',
    groupBy: { page: '/data/path' },
  })
  await http.put('/v1/meters/order-value', {
    eventTypes: ['order.paid'],
    aggregation: 'sum',
    value: '/data/amount',
    groupBy: { shop: '/subject' },
  })
  await http.put('/v1/meters/fees', {
    eventTypes: ['order.paid'],
    aggregation: 'amount',
    groupBy: { shop: '/subject' },
  })
  await http.put('/v1/meters/order-p95', {
    eventTypes: ['order.paid'],
    aggregation: 'p95',
    value: '/data/amount',
  })
  const partner = { url: `${receiverUrl}?order={id}`, eventTypes: ['order.shipped'] }
  await http.put('/v1/endpoints/partner-a', { ...partner, description: 'Ships what was paid.' })
  await http.put('/v1/endpoints/partner-b', { ...partner, enabled: false })
}

/** More by day than by night, and some that are not valid. */
function visitsOfADay(now: number): CloudEventJson[] {
  const valid = Array.from({ length: 1_200 }, (_, index) => {
    const ago = index % 3 === 0 ? (index * 977) % (2 * hourMs) : (index * 36_007) % (24 * hourMs)
    return visit(`visit-${index}`, now - ago, { path: visitedPaths[(index * 7) % visitedPaths.length] })
  })
  const invalid = Array.from({ length: 6 }, (_, index) =>
    visit(`visit-without-path-${index}`, now - index * 60_000, { referrer: 'https://search.example/' }),
  )
  return [...valid, ...invalid]
}

export function visit(id: string, ms: number, data: object): CloudEventJson {
  const time = new Date(ms).toISOString()
  return { specversion: '1.0', id, source: '/site', type: 'visit.recorded', time, data }
}

function ordersOfADay(now: number): CloudEventJson[] {
  return Array.from({ length: 240 }, (_, index) => ({
    specversion: '1.0' as const,
    id: `order-${index}`,
    source: '/shop',
    type: 'order.paid',
    subject: shops[index % shops.length] ?? '',
    time: new Date(now - ((index * 350_003) % (24 * hourMs))).toISOString(),
    data: {
      amount: `${10 + ((index * 37) % 190)}.${String((index * 13) % 100).padStart(2, '0')}`,
      items: (index % 5) + 1,
    },
  }))
}

async function requestDeliveries(
  http: ReturnType<typeof createMeshHttp>,
  urls: ReceiverUrls,
): Promise<{ deadId: string }> {
  const data = Array.from({ length: 8 }, (_, index) => ({ click: `c-${index}`, value: index }))
  const request = (name: ReceiverName, retry: unknown) =>
    http.requestPostbacks({
      endpoint: { method: 'POST', url: `${urls[name]}?click={click}` },
      data: name === 'ok' ? data : data.slice(0, 2),
      retry,
    })
  await request('ok', 'webhook')
  await request('down', { delaysMs: [200, 400, 3_600_000] })
  await request('gone', 'webhook')
  const { deliveries } = await request('removed', '5xx-only')
  return { deadId: deliveries[0]?.id ?? '' }
}

async function readStatus(address: MeshAddress, delivery: string): Promise<string> {
  const response = await fetch(`${address.queryUrl}/v1/deliveries/${delivery}`, {
    headers: { authorization: `Bearer ${address.key}` },
  })
  return response.ok ? ((await response.json()) as { status: string }).status : ''
}

/** @returns the answer; anything but 2xx is thrown */
export async function sendCommand(
  address: MeshAddress,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const response = await fetch(`${address.ingestUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${address.key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
  return text === '' ? undefined : (JSON.parse(text) as unknown)
}
