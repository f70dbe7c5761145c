import { ServiceError } from '@millrace/service-kit/errors'
import type { AnnouncedWrites } from './announced-writes.ts'
import type { BoundedCache } from './bounded-cache.ts'
import { createHourCells } from './hour-cells.ts'
import type { KeptPiece } from './kept-piece.ts'
import { type MergedPage, mergePieces, type PartRow, type WindowBounds } from './merge-pieces.ts'
import { createPieceTree } from './piece-tree.ts'
import type { ReportCache } from './report-cache.ts'
import { chooseGrid, cutRange } from './report-pieces.ts'
import type { AskedReport } from './report-query.ts'
import type { ReportRowsReader } from './report-rows-reader.ts'
import { valueForm } from './report-values.ts'
import { countWindows } from './report-windows.ts'
import { createWidening } from './widen-report.ts'

/** A report put together from pieces of its range; undefined when it is not made of such, or too large for it. */
export type PiecesReader = (query: AskedReport) => Promise<MergedPage | undefined>

export interface PiecesReaderDeps {
  readonly rows: ReportRowsReader
  readonly writes: AnnouncedWrites
  readonly cache: ReportCache<KeptPiece>
  readonly windows: BoundedCache<readonly WindowBounds[]>
  readonly nowMs: () => number
}

const maxFilledRows = 50_000

/**
 * Keeps what the pieces of a range add up to, so that a report of a month which ends now reads the present hour again, and
 * the third when an event of the third comes in. Reports that only differ in what they filter by have the same pieces: those
 * of all values, as long as these are few.
 */
export function createPiecesReader(deps: PiecesReaderDeps): PiecesReader {
  const widening = createWidening()
  const readPieces = createPieceTree({ ...deps, hours: createHourCells(deps) })

  /** Undefined when they have too many rows. */
  const readAll = (query: AskedReport): Promise<readonly (readonly PartRow[])[] | undefined> => {
    const grid = chooseGrid(query.fromUs, query.toUs)
    return readPieces(query, cutRange(query.fromUs, query.toUs, grid), grid).catch(unlessTooCostly)
  }
  const windowsOf = async (query: AskedReport): Promise<readonly WindowBounds[]> => {
    const { window, timezone, fromUs, toUs } = query
    const key = JSON.stringify([window, timezone, fromUs, toUs])
    const known = deps.windows.get(key)
    if (known !== undefined) return known
    const read = await deps.rows.windows(query)
    deps.windows.set(key, read, read.length * 64)
    return read
  }
  const readParts = async (query: AskedReport): Promise<readonly (readonly PartRow[])[] | undefined> => {
    const wide = widening.widen(query)
    if (wide === undefined) return readAll(query)
    const parts = await readAll(wide.query)
    if (parts !== undefined) return parts.map(wide.narrow)
    widening.refuse(query)
    return readAll(query)
  }
  return async (query) => {
    const form = valueForm(query.meter.aggregation)
    if (form.from !== 'minutes' || (query.fill && countWindows(query) > maxFilledRows)) return undefined
    const parts = await readParts(query)
    if (parts === undefined) return undefined
    if (!query.fill) return mergePieces(query, parts, [])
    const windows = await windowsOf(query)
    const groups = new Set(parts.flat().map(({ group }) => JSON.stringify(group))).size
    return windows.length * groups > maxFilledRows ? undefined : mergePieces(query, parts, windows)
  }
}

/** Read as a whole it may cost less. */
function unlessTooCostly(error: unknown): undefined {
  if (error instanceof ServiceError && error.code === 'invalid-request') return undefined
  throw error
}
