// A bounded load of page visits on the local stack, one event a request, to be watched on the live page.
//   make load                 RATE=1500 visits a second for SECONDS=30; never above 20,000 a second or 600 seconds
//   SECONDS=600 make load     a soak: what the services' memory was in the first minute and in the last
import { count, setting } from '@millrace/service-kit/config'
import { readConfigOrExit } from '@millrace/service-kit/run-service'
import autocannon from 'autocannon'
import { createMeshHttp } from '../client/mesh-http.ts'
import { readMeshAddress, readOperationsPorts } from '../local-stack/mesh-address.ts'
import { visitedPaths } from './visited-paths.ts'
import { watchMemory } from './watch-memory.ts'

const settings = {
  rate: setting('RATE', count(1_500, 1, 20_000), 'visits a second'),
  seconds: setting('SECONDS', count(30, 1, 600), 'seconds for which they are sent'),
}
const { rate, seconds } = readConfigOrExit(settings)

const address = readMeshAddress()
await createMeshHttp(address).put('/v1/meters/visits', {
  eventTypes: ['visit.recorded'],
  aggregation: 'count',
  groupBy: { page: '/data/path' },
})
console.log(`${rate} visits a second for ${seconds} s; watch them at ${address.queryUrl}/?meter=visits`)
const memory = watchMemory(readOperationsPorts())
const result = await autocannon({
  url: `${address.ingestUrl}/v1/events`,
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${address.key}` },
  requests: visitedPaths.map((path) => ({
    body: JSON.stringify({ type: 'visit.recorded', data: { path } }),
  })),
  connections: 50,
  overallRate: rate,
  duration: seconds,
})
const { latency } = result
console.log(
  `${result['2xx']} acked (${(result['2xx'] / result.duration).toFixed(0)} a second), ${result.non2xx + result.errors} not`,
)
console.log(`answer times in ms: p50 ${latency.p50}, p99 ${latency.p99}, max ${latency.max}`)
console.log(`memory\n  ${(await memory.stop()).join('\n  ')}`)
process.exitCode = result.non2xx + result.errors === 0 ? 0 : 1
