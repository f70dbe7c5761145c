import type { BenchMesh } from './bench-mesh.ts'
import { formatCount } from './format.ts'
import { measureFreshness } from './freshness-times.ts'

/** How late accepted events are seen at half of the highest steady load that is kept up with. */
export async function benchFreshness(mesh: BenchMesh): Promise<void> {
  const { mostPerSecond, sustainedPerSecond, perSecond, probes, ...times } = await measureFreshness(mesh)
  const line = ({ p50, p99 }: { p50: number; p99: number }): string =>
    `p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms`
  console.log(`
freshness: ${probes} probes among ${formatCount(perSecond)} events a second, half of the ${formatCount(sustainedPerSecond)} that are kept up with when they come at a steady pace; as fast as they are accepted ${formatCount(mostPerSecond)} are landed
  accepted to the aggregator's live stream     ${line(times.aggregatorLive)} (wanted: below 250)
  accepted to query's live stream              ${line(times.queryLive)}
  accepted to a report                         ${line(times.report)} (wanted: below 1,000)`)
}
