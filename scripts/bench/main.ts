// Figures of speed, each as a ratio to something run beside it in the same minutes.
//   make bench            all of it; ONLY=ingest, ONLY=landing, ONLY=deliveries, ONLY=queries, ONLY=live or
//                         ONLY=freshness for a part; ONLY=growth, which is not in all of it
import { cpus } from 'node:os'
import { type BenchMesh, startBenchMesh } from './bench-mesh.ts'
import { deliveryEnvironment, measureDeliveryCost } from './delivery-figures.ts'
import { measureDeliveryIsolation } from './delivery-isolation.ts'
import { measureDeliveryTimes } from './delivery-times.ts'
import { formatCount, formatMs, formatRatio } from './format.ts'
import { benchFreshness } from './freshness-figures.ts'
import { type IngestCost, measureIngestCost } from './ingest-cost.ts'
import { measureIngestTimes } from './ingest-times.ts'
import { issueKey } from './issue-key.ts'
import { benchLanding } from './landing-figures.ts'
import { benchGrowth } from './landing-growth.ts'
import { benchLive } from './live-figures.ts'
import { whileApart } from './pin-cores.ts'
import { benchReports } from './report-figures.ts'

const parts = {
  ingest: benchIngest,
  landing: benchLanding,
  deliveries: benchDeliveries,
  queries: benchReports,
  live: benchLive,
  freshness: benchFreshness,
}
/** Takes minutes: only when it is asked for. */
const longParts = { growth: benchGrowth }
const only = process.env.ONLY
const known = { ...parts, ...longParts }
if (only !== undefined && !Object.hasOwn(known, only))
  throw new Error(`ONLY=${only}: one of ${Object.keys(known).join(', ')}`)
console.log(`${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`)
for (const [name, bench] of Object.entries(only === undefined ? parts : known)) {
  if (only !== undefined && only !== name) continue
  // Its own, so that no part lands or merges what another one has left.
  const mesh = await startBenchMesh()
  try {
    await bench(mesh)
  } finally {
    await mesh.stop()
  }
}

async function benchIngest(mesh: BenchMesh): Promise<void> {
  const ingest = await mesh.start('ingest')
  const key = await issueKey(ingest, mesh.key)
  const others = [process.pid, ...mesh.kafka.pids()]
  const { cost, ratios, times } = await whileApart([ingest.pid], others, async () => {
    const figures = await measureIngestCost(mesh, ingest, key)
    return { ...figures, times: await measureIngestTimes(mesh, ingest, key, figures.singlesPerSecond / 2) }
  })
  const line = (what: string, name: keyof IngestCost, wanted: number): string =>
    `  ${what.padEnd(44)} ${formatMs(cost[name]).padStart(9)}   ${ratios[name].toFixed(3)} × both (wanted: at most ${wanted})`
  console.log(`
ingest, CPU per 1,000 events of about 300 bytes
  ${'bare Fastify route, parses and validates'.padEnd(44)} ${formatMs(cost.bareFastify).padStart(9)}
  ${'native producer alone'.padEnd(44)} ${formatMs(cost.nativeProducer).padStart(9)}
${line('ingest, one event a request', 'single', 1)}
${line('ingest, 100 events a request', 'batch', 0.1)}
${line('ingest, gRPC stream, one event a request', 'stream', 1)}
${line('ingest, gRPC stream, 100 events a request', 'streamBatch', 0.1)}`)
  const { ingest: answers, broker, perSecond } = times
  console.log(`
ingest, answer times of single events at ${perSecond} a second, half of the highest sustained load
  ingest, acknowledged                         p50 ${answers.p50.toFixed(1)} ms, p99 ${answers.p99.toFixed(1)} ms
  the broker's own acknowledged round trip     p50 ${broker.p50.toFixed(1)} ms, p99 ${broker.p99.toFixed(1)} ms
  ratio                                        p50 ${formatRatio(answers.p50, broker.p50)}, p99 ${formatRatio(answers.p99, broker.p99)} (wanted: at most 3)`)
  await ingest.stop()
}

async function benchDeliveries(mesh: BenchMesh): Promise<void> {
  const service = await mesh.start('postback-delivery', deliveryEnvironment)
  const cost = await measureDeliveryCost(mesh, service)
  const times = await measureDeliveryTimes(mesh, cost.perSecond)
  const isolation = await measureDeliveryIsolation(mesh, service, Math.round(times.perSecond / 2))
  const { allWell, someHang, backlog } = isolation
  console.log(`
deliveries of about 300 bytes to a receiver on this machine
  bare undici, the same bodies and connections ${formatMs(cost.bareUndici)} CPU per 1,000
  postback-delivery, logged and accounted for  ${formatMs(cost.delivery)} CPU per 1,000, ${formatCount(cost.perSecond)} a second
  ratio                                        ${formatRatio(cost.delivery, cost.bareUndici)} (wanted: at most 2)
  steady load that is kept up with             ${formatCount(times.sustained)} a second
  accepted to received at ${formatCount(times.perSecond)} a second        p50 ${times.p50.toFixed(1)} ms, p99 ${times.p99.toFixed(1)} ms (wanted: below 100)
  ${formatCount(isolation.receivers)} receivers, ${formatCount(isolation.perSecond)} a second, p99      all well ${allWell.median.toFixed(1)} ms, 1 in 100 hangs throughout ${someHang.median.toFixed(1)} ms, ${formatRatio(someHang.median, allWell.median)} (wanted: at most 1.25); worst five seconds ${allWell.worst.toFixed(1)} and ${someHang.worst.toFixed(1)} ms
  ${formatCount(backlog.deliveries)} for one that hangs               ${backlog.beforeMiB} MiB before, ${backlog.afterMiB} MiB when all were read`)
  await service.stop()
}
