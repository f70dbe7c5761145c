import type { AggregatorService } from '../../src/service.ts'

/** The value of a metric, of the line that has `label` among its labels' values. */
export async function readMetric(
  service: Pick<AggregatorService, 'operationsPort'>,
  name: string,
  label?: string,
): Promise<number | undefined> {
  const response = await fetch(`http://127.0.0.1:${service.operationsPort}/metrics`)
  const line = (await response.text())
    .split('\n')
    .find((one) => one.startsWith(`${name}{`) && (label === undefined || one.includes(`="${label}"`)))
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1))
}
