import type { BenchMesh } from './bench-mesh.ts'
import { measureFreshness } from './freshness-times.ts'

/** How late accepted events are seen at half of the highest load that is taken and landed for long. */
export async function benchFreshness(mesh: BenchMesh): Promise<void> {
  const { highestPerSecond, perSecond, probes, ...times } = await measureFreshness(mesh)
  const line = ({ p50, p99 }: { p50: number; p99: number }): string =>
    `p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms`
  console.log(`
freshness: ${probes} probes among ${perSecond.toLocaleString('en')} events a second, half of the ${Math.round(highestPerSecond).toLocaleString('en')} that the mesh takes and lands at most
  accepted to the aggregator's live stream     ${line(times.aggregatorLive)} (wanted: below 250)
  accepted to query's live stream              ${line(times.queryLive)}
  accepted to a report                         ${line(times.report)} (wanted: below 1,000)`)
}
