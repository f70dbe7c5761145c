import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { type GetClient, openGetClient, prepareGet } from './get-client.ts'
import { processCpuSeconds, startNode } from './measure.ts'
import { type AnswerTimes, runOpenLoop } from './open-loop.ts'
import { type BenchReport, makeReports, zipfPlaces } from './report-mix.ts'

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
  /** At half of query's rate. */
  readonly half: AnswerTimes & { readonly perSecond: number }
  /** Of the bare route at that rate. */
  readonly bareHalf: AnswerTimes
}

const draws = 100_000
const connections = 64

/** Keeps a process to one core, and this one to the others. */
function pin(pids: readonly number[], cores: string): void {
  for (const pid of pids) execFileSync('taskset', ['-acp', cores, String(pid)], { stdio: 'ignore' })
}

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
  pin([process.pid, ...mesh.clickhouse.pids()], '0')
  pin([query.pid, bare.pid], '1')
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
    pin(mesh.clickhouse.pids(), '1')
    const clickhouse = await closedLoop(asSql, places, mesh.clickhouse.url, mesh.clickhouse.pids(), 4)
    const best = bestOf(rounds.query)
    const half = best.perSecond / 2
    const bareHalf = await openLoop(asBare, places, bare.url, half)
    return {
      reports: reports.length,
      clickhouse,
      bareFastify: bestOf(rounds.bare),
      query: best,
      half: await openLoop(asQuery, places, query.httpUrl, half),
      bareHalf,
    }
  } finally {
    pin([process.pid, query.pid, ...mesh.clickhouse.pids()], '0-63')
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
  const client = await openGetClient(new URL(url), connections)
  let sent = 0
  const run = async (until: number): Promise<number> => {
    const startedAt = sent
    const worker = async (): Promise<void> => {
      while (performance.now() < until) await client.get(requestAt(requests, places, sent++))
    }
    await Promise.all(Array.from({ length: connections }, worker))
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

async function openLoop(
  requests: readonly Buffer[],
  places: Uint16Array,
  url: string,
  perSecond: number,
): Promise<WarmRates['half']> {
  const client: GetClient = await openGetClient(new URL(url), connections)
  const times = await runOpenLoop({ perSecond, seconds: 5 }, async (index) => {
    await client.get(requestAt(requests, places, index))
  })
  client.close()
  return { ...times, perSecond: Math.round(perSecond) }
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
