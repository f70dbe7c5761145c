import { count, readConfig, setting } from '@millrace/service-kit/config'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { untilLanded } from './landing-rate.ts'
import { readServiceMetric, residentMiB } from './measure.ts'
import { produceEvents } from './produce-events.ts'
import { registerBenchCatalog } from './register-catalog.ts'

const settings = {
  events: setting('EVENTS', count(10_000_000), 'How many land in all.'),
}

/** Produced in one go; about as many wait to be landed at most. */
const sliceEvents = 100_000
/** Ids are kept for as long: so their number stays the same too, and all of the process can be compared. */
const dedupeWindow = 'PT10S'
const quarters = 4

/** What the aggregator's memory is after each quarter of a long load that it lands as fast as it can. */
export async function benchMemory(mesh: BenchMesh): Promise<void> {
  const { events } = readConfig(settings, process.env)
  await registerBenchCatalog(mesh)
  const aggregator = await mesh.start('aggregator', { DEDUPE_WINDOW: dedupeWindow })
  console.log(`\nmemory while ${events.toLocaleString('en')} events land, ids kept for ten seconds`)
  let sent = 0
  for (let quarter = 1; quarter <= quarters; quarter += 1) {
    const startedAt = performance.now()
    const before = sent
    while (sent < (events * quarter) / quarters) {
      await produceEvents(mesh, sliceEvents)
      await untilLanded(mesh, sent)
      sent += sliceEvents
    }
    const perSecond = (sent - before) / ((performance.now() - startedAt) / 1_000)
    console.log(
      `  after ${sent.toLocaleString('en').padStart(11)}, ${await describe(aggregator)}; ${Math.round(perSecond).toLocaleString('en')} a second`,
    )
  }
  await aggregator.stop()
}

async function describe({ pid, operationsPort }: BenchService): Promise<string> {
  const mib = async (metric: string): Promise<string> =>
    `${Math.round((await readServiceMetric(operationsPort, metric)) / 2 ** 20)} MiB`
  const heap = await mib('nodejs_heap_size_used_bytes')
  const external = await mib('nodejs_external_memory_bytes')
  const ids = await mib('millrace_aggregator_seen_ids_bytes')
  const cells = await readServiceMetric(operationsPort, 'millrace_aggregator_live_cells')
  return `${residentMiB(pid)} MiB resident: heap ${heap}, outside of it ${external} (ids ${ids}), ${cells.toLocaleString('en')} cells of the live view`
}
