import { createMeshHttp } from '../client/mesh-http.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import type { BenchMesh, BenchService } from './bench-mesh.ts'

const days = 30
export const lastDay = '2026-01-31T00:00:00Z'
export const pages = 10
const countries = ['SE', 'IN', 'US', 'DE'] as const

/** Meters over one range of days: one with a million events, one with twenty times as many. */
export const sizes = { 'visits-1m': 1_000_000, 'visits-20m': 20_000_000 } as const
export type MeterName = keyof typeof sizes

export async function registerReportMeters(
  mesh: BenchMesh,
  ingest: BenchService,
  query: BenchService,
): Promise<void> {
  const http = createMeshHttp({
    ingestUrl: ingest.httpUrl,
    ingestGrpc: '',
    queryUrl: query.httpUrl,
    key: mesh.key,
  })
  for (const meter of Object.keys(sizes)) {
    await http.put(`/v1/meters/${meter}`, {
      eventTypes: ['visit.recorded'],
      aggregation: 'sum',
      value: '/data/durationMs',
      groupBy: { page: '/data/path', country: '/data/country' },
    })
    // Only then are answers kept.
    await waitUntil(
      async () => {
        const response = await fetch(`${query.httpUrl}/v1/reports/${meter}`, {
          headers: { authorization: `Bearer ${mesh.key}` },
        })
        return response.ok && !('backfill' in ((await response.json()) as object))
      },
      { timeoutMs: 30_000, everyMs: 100, what: `${meter} has no past to count` },
    )
  }
}

/** What so many events over the days leave in the rollups, made by ClickHouse itself. */
export async function fillRollups(mesh: BenchMesh): Promise<void> {
  for (const [meter, events] of Object.entries(sizes)) {
    const cells = days * 1_440 * countries.length * pages
    await statement(
      mesh,
      `INSERT INTO millrace.meter_minutes
SELECT 'default', '${meter}', 1, toDateTime('2026-01-01 00:00:00', 'UTC') + intDiv(cell, ${countries.length * pages}) * 60,
  [['${countries.join("','")}'][1 + cell % ${countries.length}], concat('/products/', toString(intDiv(cell, ${countries.length}) % ${pages}))],
  events, toDecimal128(events * 2500, 18), toDecimal128(0, 18), toDecimal128(4999, 18)
FROM (SELECT cityHash64(number) % ${cells} AS cell, count() AS events FROM numbers(${events}) GROUP BY cell)
SETTINGS max_insert_block_size = 1000000`,
    )
  }
  for (const table of ['meter_hours', 'meter_days']) {
    await statement(mesh, `OPTIMIZE TABLE millrace.${table} FINAL`)
  }
}

async function statement(mesh: BenchMesh, text: string): Promise<void> {
  const response = await fetch(mesh.clickhouse.url, { method: 'POST', body: text })
  if (!response.ok) throw new Error(await response.text())
  await response.text()
}
