// Sends events and postbacks through a mesh while somebody upgrades it, then counts: what was refused although it was
// sent once more, what is missing, what counts twice.
//   node scripts/containers/rolling-load.ts --ingest URL --query URL --seconds 60 [--receiver HOST]   MILLRACE_ROOT_KEY
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    ingest: { type: 'string', default: 'http://127.0.0.1:8080' },
    query: { type: 'string', default: 'http://127.0.0.1:8081' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '500' },
    receiver: { type: 'string', default: '127.0.0.1' },
  },
})
const key = process.env.MILLRACE_ROOT_KEY
if (!key) throw new Error('MILLRACE_ROOT_KEY is not set: the key to send with')
const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
const run = `run-${Date.now()}`
const perRequest = 10
const everyMs = (1_000 * perRequest) / Number(values.rate)
const retryAfterMs = 1_000

const received = new Map<string, number>()
const receiver = createServer((request, response) => {
  const id = new URL(request.url ?? '/', 'http://receiver').searchParams.get('id') ?? ''
  received.set(id, (received.get(id) ?? 0) + 1)
  response.end('ok')
})
receiver.listen(0, values.receiver)
await once(receiver, 'listening')
const receiverUrl = `http://${values.receiver}:${(receiver.address() as AddressInfo).port}/?id={id}`

async function post(path: string, body: unknown): Promise<Response> {
  return await fetch(`${values.ingest}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  })
}

const refusals: string[] = []
let retried = 0

/** Sends the same once more when it fails, as every client should; @returns whether it was accepted */
async function send(path: string, body: unknown): Promise<boolean> {
  for (const last of [false, true]) {
    const failure = await post(path, body).then(
      async (response) =>
        response.status === 202 ? undefined : `${response.status} ${await response.text()}`,
      (error: Error) => `${error.message} ${error.cause ?? ''}`,
    )
    if (failure === undefined) return true
    if (last) refusals.push(failure)
    else {
      retried += 1
      await delay(retryAfterMs)
    }
  }
  return false
}

const meter = { eventTypes: ['millrace.rolling'], aggregation: 'count', groupBy: { run: '/data/run' } }
const put = await fetch(`${values.ingest}/v1/meters/rolling-load`, {
  method: 'PUT',
  headers,
  body: JSON.stringify(meter),
})
if (!put.ok) throw new Error(`the meter cannot be made: ${put.status} ${await put.text()}`)

let accepted = 0
let postbacks = 0
const underWay: Promise<void>[] = []
const startedMs = Date.now()
for (let sent = 0; Date.now() - startedMs < Number(values.seconds) * 1_000; sent += 1) {
  const events = Array.from({ length: perRequest }, () => ({
    id: randomUUID(),
    source: '/rolling',
    type: 'millrace.rolling',
    data: { run },
  }))
  underWay.push(
    send('/v1/events', events).then((ok) => {
      if (ok) accepted += perRequest
    }),
  )
  if (sent % 10 === 0) {
    const postback = { endpoint: { method: 'GET', url: receiverUrl }, data: [{ id: randomUUID() }] }
    underWay.push(
      send('/v1/postbacks', postback).then((ok) => {
        if (ok) postbacks += 1
      }),
    )
  }
  await delay(Math.max(0, startedMs + (sent + 1) * everyMs - Date.now()))
}
await Promise.all(underWay)

async function counted(): Promise<number> {
  const url = `${values.query}/v1/reports/rolling-load?window=total&filter.run=${run}`
  const response = await fetch(url, { headers: { authorization: headers.authorization } }).catch(
    () => undefined,
  )
  if (!response?.ok) return 0
  const report = (await response.json()) as { rows: { value: number }[] }
  return report.rows[0]?.value ?? 0
}
const deadline = Date.now() + 60_000
while (Date.now() < deadline && ((await counted()) < accepted || received.size < postbacks)) await delay(500)
const value = await counted()
const repeats = [...received.values()].reduce((sum, times) => sum + times - 1, 0)
console.log(`events: ${accepted} accepted, ${value} counted`)
console.log(`postbacks: ${postbacks} accepted, ${received.size} received, ${repeats} received again`)
console.log(`requests: ${retried} sent once more, ${refusals.length} refused after that`)
for (const refusal of new Set(refusals)) console.log(`  ${refusal.slice(0, 300)}`)
receiver.close()
receiver.closeAllConnections()
// Who was answered late may have been accepted: then more is counted than was said, never less.
if (value !== accepted && refusals.length === 0) process.exitCode = 1
if (value < accepted || received.size < postbacks || refusals.length > 0) process.exitCode = 1
