import { createClient } from '@clickhouse/client'
import { createMeshHttp } from '../client/mesh-http.ts'
import type { Stack } from '../local-stack/index.ts'
import { meshAddress } from '../local-stack/mesh-address.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import { eventType, isRetracted, meters, rates } from './chaos-events.ts'
import { compareStores } from './compare-stores.ts'
import { planFailures } from './plan-failures.ts'
import { produceEvents } from './produce-events.ts'
import { createRandom } from './random.ts'
import { strike } from './strike.ts'

export interface ChaosOptions {
  readonly events: number
  readonly failures: number
  readonly producers: number
  readonly seed: number
  readonly brokers: number
  readonly onStep: (text: string) => void
}

/** Longer than anything may be away, on a machine that is busy with much else too. */
export const patienceMs = 1_800_000

/**
 * Sends events to a mesh whose processes die or stop at random, and compares what it holds in the end with what was
 * accepted. The seed gives which process fails how, and in what order; when exactly, the machine does.
 * @returns what is wrong
 */
export async function runChaos(stack: Stack, options: ChaosOptions): Promise<readonly string[]> {
  const { events, failures, producers, seed, brokers, onStep } = options
  const http = createMeshHttp(meshAddress(stack), patienceMs)
  await http.put(`/v1/event-types/${eventType}`, {
    schema: { type: 'object', required: ['page'], properties: { page: { type: 'string' } } },
    rates,
  })
  for (const [name, meter] of Object.entries(meters)) await http.put(`/v1/meters/${name}`, meter)
  const planned = planFailures(createRandom(seed), failures, brokers)
  let struck = 0
  // Failures and events are spread over each other, however fast either is.
  const mayGoOn = (share: number): Promise<void> =>
    waitUntil(() => share * failures <= struck + 1, {
      timeoutMs: patienceMs,
      everyMs: 20,
      what: 'the next failure',
    })
  const production = produceEvents(http, { events, producers, seed }, mayGoOn)
  const striking = (async () => {
    for (const failure of planned) {
      await waitUntil(() => production.accepted() / events >= struck / failures - 0.02, {
        timeoutMs: patienceMs,
        everyMs: 20,
        what: 'events to be accepted',
      })
      onStep(
        `${failure.target} ${failure.pausedMs === 0 ? 'is killed' : `stands still for ${failure.pausedMs} ms`}`,
      )
      await strike(stack, failure)
      struck += 1
    }
  })()
  await Promise.all([production.done, striking])
  await stack.untilReady()
  const sentAt = new Date().toISOString()
  onStep(`${production.accepted()} events accepted, ${struck} failures`)
  const range = { from: '2025-12-01T00:00:00Z', to: '2026-02-01T00:00:00Z', window: 'total' }
  await waitUntil(async () => (await http.report('visits', range)).dataThrough > sentAt, {
    timeoutMs: patienceMs,
    everyMs: 500,
    what: 'all events to have landed',
  })
  const report = await http.report('visits', range)
  const clickhouse = createClient({
    url: stack.clickhouse.url,
    database: 'millrace',
    request_timeout: patienceMs,
    clickhouse_settings: { send_progress_in_http_headers: 1, http_headers_progress_interval_ms: '20000' },
  })
  try {
    const counted = report.rows.reduce((sum, { value }) => sum + value, 0)
    const wanted = events - Array.from({ length: events }, (_, number) => number).filter(isRetracted).length
    const faults = await compareStores(clickhouse, events)
    return counted === wanted ? faults : [`the report counts ${counted} of ${wanted} events`, ...faults]
  } finally {
    await clickhouse.close()
  }
}
