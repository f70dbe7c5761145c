import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { median } from './measure.ts'
import { type MeterName, sizes } from './report-catalog.ts'
import { makeColdReports } from './report-mix.ts'

export interface ColdTimes {
  /** Medians in milliseconds; each report as often as the others. */
  readonly query: number
  readonly handwritten: number
  /** Of each report by itself, the largest first. */
  readonly ratios: readonly { readonly shape: string; readonly ratio: number }[]
}

const rounds = 15
/** Not counted: they find nothing in the caches of the system, and a service that has just started is not compiled yet. */
const roundsBefore = 25

/** One after the other, in turns: each report of each meter at a door that keeps nothing, and its hand-written statement. */
export async function measureColdTimes(
  mesh: BenchMesh,
  query: BenchService,
): Promise<Readonly<Record<MeterName, ColdTimes>>> {
  // ClickHouse compresses nothing unless it is told to; for once neither does query.
  const headers = { authorization: `Bearer ${mesh.key}`, 'accept-encoding': 'identity' }
  const reports = (Object.keys(sizes) as MeterName[]).flatMap((meter) =>
    makeColdReports(meter).map((report) => ({
      ...report,
      meter,
      cold: [] as number[],
      hand: [] as number[],
    })),
  )
  for (let round = 0; round < roundsBefore + rounds; round += 1) {
    for (const report of reports) {
      const cold = await time(() => fetch(`${query.httpUrl}${report.address}`, { headers }))
      const hand = await time(() =>
        fetch(`${mesh.clickhouse.url}/?database=millrace`, { method: 'POST', body: report.sql }),
      )
      if (round < roundsBefore) continue
      report.cold.push(cold)
      report.hand.push(hand)
    }
  }
  const of = (meter: MeterName): ColdTimes => sumUp(reports.filter((report) => report.meter === meter))
  return { 'visits-1m': of('visits-1m'), 'visits-20m': of('visits-20m') }
}

interface TimedReport {
  readonly shape: string
  readonly cold: readonly number[]
  readonly hand: readonly number[]
}

function sumUp(reports: readonly TimedReport[]): ColdTimes {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  return {
    query: mean(reports.map(({ cold }) => median(cold))),
    handwritten: mean(reports.map(({ hand }) => median(hand))),
    ratios: reports
      .map(({ shape, cold, hand }) => ({ shape, ratio: median(cold) / median(hand) }))
      .sort((a, b) => b.ratio - a.ratio),
  }
}

async function time(ask: () => Promise<Response>): Promise<number> {
  const startedAt = performance.now()
  const response = await ask()
  if (!response.ok) throw new Error(await response.text())
  await response.arrayBuffer()
  return performance.now() - startedAt
}
