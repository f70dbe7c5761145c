import { createMeshHttp } from '../client/mesh-http.ts'
import { startTrickle } from '../console/trickle.ts'
import type { BenchMesh } from './bench-mesh.ts'
import { formatCount } from './format.ts'
import type { SubscriberFigures } from './live-subscribers.ts'
import { processCpuSeconds, residentMiB, startNode } from './measure.ts'
import { measuredCore, pinToCores } from './pin-cores.ts'

const readers = 1_000
const seconds = 20
const pushMs = 250

/** A thousand readers of one meter into which events flow, beside a bare server that writes as many bytes. */
export async function benchLive(mesh: BenchMesh): Promise<void> {
  const aggregator = await mesh.start('aggregator')
  const ingest = await mesh.start('ingest')
  const query = await mesh.start('query', {
    AGGREGATOR_ADDRESSES: aggregator.grpc,
    LIVE_PUSH_MS: String(pushMs),
  })
  const address = { ingestUrl: ingest.httpUrl, ingestGrpc: '', queryUrl: query.httpUrl, key: mesh.key }
  await createMeshHttp(address).put('/v1/meters/visits', {
    eventTypes: ['visit.recorded'],
    aggregation: 'count',
    groupBy: { page: '/data/path' },
  })
  const stopTrickle = startTrickle(address, 500)
  const pinned = pinToCores([query.pid], measuredCore)
  const url = `${query.httpUrl}/v1/reports/visits/live`
  const alone = await watch(url, mesh.key, 1, query.pid)
  const many = await watch(url, mesh.key, readers, query.pid)
  await stopTrickle()
  for (const service of [query, ingest, aggregator]) await service.stop()
  const bytes = Math.round(many.figures.bytes / many.figures.events)
  const bare = await startNode(new URL('./bare-live.ts', import.meta.url), [String(bytes), String(pushMs)])
  pinToCores([bare.pid], measuredCore)
  const beside = await watch(`http://127.0.0.1:${await bare.firstLine}/`, mesh.key, readers, bare.pid)
  await bare.stop()
  console.log(`
live, ${formatCount(readers)} readers of one meter with 500 events a second${pinned ? ', query on one core' : ''}
  pushes a reader and second                   ${perReader(many)} (the slowest reader ${(many.figures.fewest / seconds).toFixed(2)}), ${bytes} bytes each
  written until read                           p50 ${many.figures.p50} ms, p99 ${many.figures.p99} ms
  query                                        ${percent(many.cpu)} of a core, ${many.memoryMiB} MiB; with 1 reader ${percent(alone.cpu)}, ${alone.memoryMiB} MiB
  bare server, the same bytes                  ${percent(beside.cpu)} of a core; ${perReader(beside)} pushes, p50 ${beside.figures.p50} ms, p99 ${beside.figures.p99} ms
  ratio                                        ${(many.cpu / beside.cpu).toFixed(2)} × the bare server's CPU`)
}

interface Watched {
  readonly figures: SubscriberFigures
  /** CPU seconds a second. */
  readonly cpu: number
  readonly memoryMiB: number
}

async function watch(url: string, key: string, count: number, pid: number): Promise<Watched> {
  const script = new URL('./live-subscribers.ts', import.meta.url)
  const startedAt = performance.now()
  const cpuBefore = processCpuSeconds([pid])
  const process = await startNode(script, [url, key, String(count), String(seconds)])
  const figures = JSON.parse(await process.firstLine) as SubscriberFigures
  const cpu = (processCpuSeconds([pid]) - cpuBefore) / ((performance.now() - startedAt) / 1_000)
  const memoryMiB = residentMiB(pid)
  await process.stop()
  return { figures, cpu, memoryMiB }
}

function perReader({ figures }: Watched): string {
  return (figures.events / readers / seconds).toFixed(2)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}
