import type { AnnouncedWrites } from './announced-writes.ts'
import type { BoundedCache } from './bounded-cache.ts'
import { isTooCostly } from './clickhouse-reader.ts'
import { computed, createPieceRead, type KeptPiece, keepRows, maxPieceRows } from './kept-piece.ts'
import { type PartRow, sumUp, type WindowBounds } from './merge-pieces.ts'
import type { ReportCache } from './report-cache.ts'
import type { Piece } from './report-pieces.ts'
import type { AskedReport } from './report-query.ts'
import type { ReportRowsReader } from './report-rows-reader.ts'
import { valueForm } from './report-values.ts'
import { narrowing } from './widen-report.ts'

/**
 * Rows of a piece that lies in one hour; undefined where windows cut the hour, or where it has too many groups, which may
 * show in what reading them costs.
 *
 * An hour is read once for all reports of a meter, with all of its dimensions: what each makes of it is done here.
 */
export type HourCells = (query: AskedReport, piece: Piece) => Promise<readonly PartRow[] | undefined>

export interface HourCellsDeps {
  readonly rows: Pick<ReportRowsReader, 'pieces' | 'windowOfHour'>
  readonly writes: AnnouncedWrites
  readonly cache: ReportCache<KeptPiece>
  /** Of one hour: its only window, or none. */
  readonly windows: BoundedCache<readonly WindowBounds[]>
  readonly nowMs: () => number
}

const hour = 3_600
const maxCrowded = 1_000
/** One busy hour is no reason to read all that follow it for each report by itself. */
const crowdedMs = 600_000

export function createHourCells({ rows: reader, writes, cache, windows, nowMs }: HourCellsDeps): HourCells {
  /** Meters whose hours have too many groups, and until when that is taken for granted. */
  const crowded = new Map<string, number>()

  const windowOf = async (query: AskedReport, start: number): Promise<WindowBounds | undefined> => {
    const { window, timezone } = query
    if (window === 'total') return [0, 0]
    if (window === 'minute') return undefined
    const key = `hour ${start} ${window} ${timezone}`
    const known = windows.get(key)
    if (known !== undefined) return known[0]
    const found = await reader.windowOfHour(query, start)
    windows.set(key, found === undefined ? [] : [found], 64)
    return found
  }
  return async (query, piece) => {
    const { fromUs, toUs } = piece
    const { tenant, name, version, dimensions, aggregation } = query.meter
    const meter = JSON.stringify([tenant, name, version])
    if ((crowded.get(meter) ?? 0) > nowMs()) return undefined
    const index = Math.floor(fromUs / 1_000_000 / hour)
    const window = await windowOf(query, index * hour)
    if (window === undefined) return undefined
    const all = { ...query, groupBy: dimensions, filter: [], window: 'total', timezone: 'UTC' } as const
    const read = createPieceRead(all, writes, 'cells')
    const { value } = await cache.read(read.of(piece), async () => {
      const asked = reader.pieces({ ...read.query, fromUs, toUs }, hour, maxPieceRows)
      const found = await asked.catch(unlessTooCostly)
      return computed(found && keepRows(found.get(index) ?? []))
    })
    if (value === undefined) {
      if (crowded.size >= maxCrowded) crowded.clear()
      crowded.set(meter, nowMs() + crowdedMs)
      return undefined
    }
    const [start, end] = window
    const chosen = narrowing(dimensions, query)(value.rows).map((row) => ({ ...row, start, end }))
    return sumUp(valueForm(aggregation), [chosen])
  }
}

/** By its own groups alone a report may cost less. */
function unlessTooCostly(error: unknown): undefined {
  if (isTooCostly(error)) return undefined
  throw error
}
