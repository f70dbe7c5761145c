import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { prepareGet } from './get-client.ts'
import { makeReports, zipfPlaces } from './report-mix.ts'
import { closedLoop, type Rate } from './report-rates.ts'
import { sampleEvent } from './sample-events.ts'

export interface LandingRates {
  readonly eventsPerSecond: number
  /** Of reports that nothing lands in. */
  readonly past: Rate
  /** Of those that count what lands. */
  readonly now: Rate
  /** Of the latter, how many were answered from memory. */
  readonly hitShare: number
}

const eventsPerSecond = 500
const everyMs = 100

/** Warm traffic while events come in that a fifth of the reports counts. */
export async function measureWhileLanding(
  mesh: BenchMesh,
  ingest: BenchService,
  query: BenchService,
): Promise<LandingRates> {
  const headers = { authorization: `Bearer ${mesh.key}` }
  const ended = new AbortController()
  const sending = send(ingest, headers, ended.signal)
  const measure = (addresses: readonly string[]): Promise<Rate> => {
    const requests = addresses.map((address) => prepareGet(new URL(address, query.httpUrl), headers))
    return closedLoop(requests, zipfPlaces(requests.length, 100_000), query.httpUrl, [query.pid], 4)
  }
  try {
    const addresses = makeReports(200).map(({ address }) => address)
    const past = await measure(addresses.filter((address) => !includesNow(address)))
    const before = await readOutcomes(query)
    const now = await measure(addresses.filter(includesNow))
    const after = await readOutcomes(query)
    const hitShare = (after.hits - before.hits) / (after.all - before.all)
    return { eventsPerSecond, past, now, hitShare }
  } finally {
    ended.abort()
    await sending
  }
}

function includesNow(address: string): boolean {
  return address.includes('to=2027')
}

async function send(
  ingest: BenchService,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  let index = 0
  while (!signal.aborted) {
    const events = Array.from({ length: (eventsPerSecond * everyMs) / 1_000 }, () => {
      index += 1
      return { ...sampleEvent(`landing-${index}`, index), time: new Date().toISOString() }
    })
    const response = await fetch(`${ingest.httpUrl}/v1/events`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/cloudevents-batch+json' },
      body: JSON.stringify(events),
    })
    if (!response.ok) throw new Error(await response.text())
    await sleep(everyMs)
  }
}

async function readOutcomes({ operationsPort }: BenchService): Promise<{ hits: number; all: number }> {
  const text = await (await fetch(`http://127.0.0.1:${operationsPort}/metrics`)).text()
  const found = [...text.matchAll(/report_cache_total\{outcome="(\w+)"[^}]*\} (\d+)/g)]
  const sum = (outcomes: typeof found): number =>
    outcomes.reduce((total, [, , count]) => total + Number(count), 0)
  return { hits: sum(found.filter(([, outcome]) => outcome === 'hit')), all: sum(found) }
}
