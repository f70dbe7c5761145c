import { formatGroup } from '../format.ts'
import type { ChartData } from '../parts/chart-data.ts'
import type { ReportRow } from '../types.ts'

const maxSeries = 6

/**
 * Rows as lines over time: the largest groups by themselves, the others together where their values add up.
 * @param adds whether a window without events is a zero, and values of groups make a sum
 */
export function toSeries(rows: readonly ReportRow[], adds: boolean): ChartData {
  const times = [...new Set(rows.map(({ windowStart }) => Date.parse(windowStart) / 1_000))].sort(
    (a, b) => a - b,
  )
  const byGroup = new Map<string, Map<number, number | null>>()
  for (const { group, windowStart, value } of rows) {
    const label = formatGroup(group)
    const line = byGroup.get(label) ?? new Map<number, number | null>()
    byGroup.set(label, line)
    line.set(Date.parse(windowStart) / 1_000, value === null ? null : Number(value))
  }
  const weight = (line: ReadonlyMap<number, number | null>): number =>
    [...line.values()].reduce<number>((sum, value) => sum + Math.abs(value ?? 0), 0)
  const lines = [...byGroup].sort(([, a], [, b]) => weight(b) - weight(a))
  const absent = adds ? 0 : null
  const shown = lines.slice(0, maxSeries).map(([label, line]) => ({
    label,
    values: times.map((time) => line.get(time) ?? absent),
  }))
  const rest = lines.slice(maxSeries)
  if (rest.length === 0 || !adds) return { times, series: shown }
  const sumAt = (time: number): number => rest.reduce((sum, [, line]) => sum + (line.get(time) ?? 0), 0)
  return { times, series: [...shown, { label: `${rest.length} others`, values: times.map(sumAt) }] }
}
