import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { openGetClient, prepareGet } from './get-client.ts'
import { processCpuSeconds, startNode } from './measure.ts'
import type { PacedTimes } from './open-loop.ts'
import { allCores, measuredCore, otherCore, pinToCores } from './pin-cores.ts'
import { type BenchReport, makeReports, zipfPlaces } from './report-mix.ts'
import { measureAnswerTimes } from './report-times.ts'

export interface Rate {
  readonly perSecond: number
  /** Of the answering process; NaN where it cannot be read. */
  readonly cpuPer1000: number
}

export interface WarmRates {
  readonly reports: number
  readonly clickhouse: Rate
  readonly bareFastify: Rate
  readonly query: Rate
  /** Half of query's rate. */
  readonly halfPerSecond: number
  /** At that rate. */
  readonly half: PacedTimes
  readonly bareHalf: PacedTimes
}

const draws = 100_000
const connections = 64

/** The same 200 reports, Zipf, of query's memory, of a route that only returns bytes, and of ClickHouse; each on one core. */
export async function measureWarmRates(mesh: BenchMesh, query: BenchService): Promise<WarmRates> {
  const reports = makeReports(200)
  const places = zipfPlaces(reports.length, draws)
  const headers = { authorization: `Bearer ${mesh.key}` }
  const warm = reports.map(({ address }) => new URL(address, query.httpUrl))
  const bodies = await readAll(warm, headers)
  const bare = await startBare(mesh, reports, bodies)
  const database = (sql: string): URL =>
    new URL(`/?database=millrace&query=${encodeURIComponent(sql)}`, mesh.clickhouse.url)
  // What is measured has a core to itself: also what only waits works now and then.
  pinToCores([process.pid, ...mesh.pids()], otherCore)
  pinToCores([query.pid, bare.pid], measuredCore)
  try {
    const asQuery = warm.map((url) => prepareGet(url, headers))
    const asBare = reports.map(({ address }) => prepareGet(new URL(address, bare.url), headers))
    const asSql = reports.map(({ sql }) => prepareGet(database(sql), {}))
    const bestOf = (rates: readonly Rate[]): Rate =>
      rates.reduce((a, b) => (a.perSecond > b.perSecond ? a : b))
    const rounds = { query: [] as Rate[], bare: [] as Rate[] }
    for (let round = 0; round < 3; round += 1) {
      rounds.bare.push(await closedLoop(asBare, places, bare.url, [bare.pid], 3))
      rounds.query.push(await closedLoop(asQuery, places, query.httpUrl, [query.pid], 3))
    }
    const best = bestOf(rounds.query)
    const halfPerSecond = Math.round(best.perSecond / 2)
    const servers = [
      { url: query.httpUrl, requests: asQuery },
      { url: bare.url, requests: asBare },
    ]
    const [half, bareHalf] = await measureAnswerTimes(mesh.directory, servers, places, halfPerSecond)
    // Last: the others have the measured core to themselves.
    pinToCores(mesh.clickhouse.pids(), measuredCore)
    const clickhouse = await closedLoop(asSql, places, mesh.clickhouse.url, mesh.clickhouse.pids(), 4)
    return {
      reports: reports.length,
      clickhouse,
      bareFastify: bestOf(rounds.bare),
      query: best,
      halfPerSecond,
      half: half as PacedTimes,
      bareHalf: bareHalf as PacedTimes,
    }
  } finally {
    pinToCores([process.pid, ...mesh.pids()], allCores)
    await bare.stop()
  }
}

/** As many as `connections` at once, each asking again as soon as it is answered. */
export async function closedLoop(
  requests: readonly Buffer[],
  places: Uint16Array,
  url: string,
  pids: readonly number[],
  seconds: number,
): Promise<Rate> {
  const failed = Promise.withResolvers<never>()
  const client = await openGetClient(new URL(url), connections, failed.reject)
  let sent = 0
  const run = async (until: number): Promise<number> => {
    const startedAt = sent
    const worker = (): Promise<void> =>
      new Promise((resolve) => {
        const ask = (): void => {
          if (performance.now() >= until) resolve()
          else client.get(requestAt(requests, places, sent++), ask)
        }
        ask()
      })
    await Promise.race([Promise.all(Array.from({ length: connections }, worker)), failed.promise])
    return sent - startedAt
  }
  await run(performance.now() + 500)
  const cpuBefore = processCpuSeconds(pids)
  const startedAt = performance.now()
  const answered = await run(startedAt + seconds * 1_000)
  const took = (performance.now() - startedAt) / 1_000
  client.close()
  return {
    perSecond: answered / took,
    cpuPer1000: ((processCpuSeconds(pids) - cpuBefore) / answered) * 1_000,
  }
}

function requestAt(requests: readonly Buffer[], places: Uint16Array, index: number): Buffer {
  return requests[places[index % places.length] ?? 0] as Buffer
}

/** Asked twice: then they are warm. */
async function readAll(
  urls: readonly URL[],
  headers: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const bodies: string[] = []
  for (const url of [...urls, ...urls]) {
    const response = await fetch(url, { headers })
    if (!response.ok) throw new Error(await response.text())
    bodies.push(await response.text())
  }
  return bodies.slice(urls.length)
}

async function startBare(mesh: BenchMesh, reports: readonly BenchReport[], bodies: readonly string[]) {
  const file = join(mesh.directory, 'bodies.json')
  writeFileSync(
    file,
    JSON.stringify(Object.fromEntries(reports.map(({ address }, index) => [address, bodies[index]]))),
  )
  const bare = await startNode(new URL('bare-report.ts', import.meta.url), [file])
  return { ...bare, url: await bare.firstLine }
}
