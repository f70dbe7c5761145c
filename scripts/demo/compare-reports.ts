import { createMeshHttp, type MeshAddress, type Report } from '../client/mesh-http.ts'
import { type Figures, type Flight, figuresBy, monthAndOrigin } from './flights.ts'

/** One figure of the mesh beside the file's. */
export interface Comparison {
  readonly key: string
  readonly mesh: Figures | undefined
  readonly file: Figures | undefined
  readonly agrees: boolean
}

/** Flights and mean delay by month and origin, for every group that either side has. */
export async function compareByMonth(
  address: MeshAddress,
  run: string,
  flights: readonly Flight[],
): Promise<Comparison[]> {
  const parameters = { window: 'month', groupBy: 'origin', 'filter.run': run }
  return compare(
    await readFigures(address, parameters, (start, group) => monthAndOrigin(start, group.origin ?? '')),
    figuresBy(flights, ({ time, origin }) => monthAndOrigin(time, origin)),
  )
}

/** The ten airports with the highest mean delay, as the mesh orders them, beside the file's own ranking. */
export async function compareWorst(
  address: MeshAddress,
  run: string,
  flights: readonly Flight[],
): Promise<Comparison[]> {
  const http = createMeshHttp(address)
  const parameters = { window: 'total', groupBy: 'origin', 'filter.run': run }
  const top = await http.report('flight-delay', { ...parameters, order: '-value', limit: '10' })
  const counts = valuesBy(await http.report('flights', parameters), (_, group) => group.origin ?? '')
  const file = figuresBy(flights, ({ origin }) => origin)
  const ranking = [...file.values()].map(({ meanDelay }) => meanDelay).sort((a, b) => b - a)
  return top.rows.map(({ group, value }, rank) => {
    const key = group.origin ?? ''
    const mesh = { flights: counts.get(key) ?? 0, meanDelay: value }
    const known = file.get(key)
    // Airports with the same mean may stand in either order.
    const ranked = Math.abs(value - (ranking[rank] ?? Number.NaN)) < tolerance
    return { key, mesh, file: known, agrees: ranked && same(mesh, known) }
  })
}

/** Flights that the mesh has counted of a run so far. */
export async function countFlights(
  address: MeshAddress,
  run: string,
): Promise<{ flights: number; dataThrough: string }> {
  const report = await createMeshHttp(address).report('flights', { window: 'total', 'filter.run': run })
  return { flights: report.rows[0]?.value ?? 0, dataThrough: report.dataThrough }
}

async function readFigures(
  address: MeshAddress,
  parameters: Record<string, string>,
  keyOf: (windowStart: string, group: Readonly<Record<string, string>>) => string,
): Promise<Map<string, Figures>> {
  const http = createMeshHttp(address)
  const counts = valuesBy(await http.report('flights', parameters), keyOf)
  const means = valuesBy(await http.report('flight-delay', parameters), keyOf)
  return new Map(
    [...counts].map(([key, flights]) => [key, { flights, meanDelay: means.get(key) ?? Number.NaN }]),
  )
}

function valuesBy(
  report: Report,
  keyOf: (windowStart: string, group: Readonly<Record<string, string>>) => string,
): Map<string, number> {
  return new Map(report.rows.map(({ windowStart, group, value }) => [keyOf(windowStart, group), value]))
}

function compare(mesh: ReadonlyMap<string, Figures>, file: ReadonlyMap<string, Figures>): Comparison[] {
  return [...new Set([...file.keys(), ...mesh.keys()])].sort().map((key) => {
    const [ours, known] = [mesh.get(key), file.get(key)]
    return { key, mesh: ours, file: known, agrees: same(ours, known) }
  })
}

/** The mesh's mean is an exact decimal, the file's a float: they may differ in the last digits of the float. */
const tolerance = 1e-9

function same(mesh: Figures | undefined, file: Figures | undefined): boolean {
  if (mesh === undefined || file === undefined) return false
  return mesh.flights === file.flights && Math.abs(mesh.meanDelay - file.meanDelay) < tolerance
}
