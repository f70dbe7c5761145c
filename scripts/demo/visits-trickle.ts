// Page visits for the live page: a bounded trickle that ends by itself, or when the mesh has gone.
//   node scripts/demo/visits-trickle.ts <ingest URL> <visits per second> <seconds>     (the key in MILLRACE_ROOT_KEY)
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { type CloudEventJson, createMeshHttp } from '../client/mesh-http.ts'

const pages = ['/', '/pricing', '/docs', '/docs/quickstart', '/blog', '/login', '/cart', '/checkout']
const tickMs = 200

const [ingestUrl = '', perSecond = '25', seconds = '600'] = process.argv.slice(2)
const http = createMeshHttp(
  { ingestUrl, ingestGrpc: '', queryUrl: '', key: process.env.MILLRACE_ROOT_KEY ?? '' },
  5_000,
)

const endsAt = Date.now() + Number(seconds) * 1_000
while (Date.now() < endsAt) {
  const wave = 1 + 0.5 * Math.sin(Date.now() / 9_000)
  const visits = Math.max(1, Math.round((Number(perSecond) * wave * tickMs) / 1_000))
  // Rejects, and so ends the process, once the mesh has been away for five seconds.
  await http.publish(Array.from({ length: visits }, visit))
  await wait(tickMs)
}

/** Earlier pages are visited more often. */
function visit(): CloudEventJson {
  const path = pages[Math.floor(pages.length * Math.random() ** 2)] ?? '/'
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: '/demo/site',
    type: 'visit.recorded',
    time: new Date().toISOString(),
    data: { path },
  }
}
