import type { AnnouncedWrites, ReadMark } from './announced-writes.ts'
import type { BoundedCache } from './bounded-cache.ts'
import { type MergedPage, mergePieces, type PartRow, type WindowBounds } from './merge-pieces.ts'
import { chooseGrid, cutRange, joinRuns, type Piece } from './report-pieces.ts'
import type { AskedReport } from './report-query.ts'
import type { ReportRowsReader } from './report-rows-reader.ts'
import { valueForm } from './report-values.ts'
import { countWindows } from './report-windows.ts'
import type { TouchScope } from './touch-log.ts'

/** A report put together from pieces of its range; undefined when it is not made of such, or too large for it. */
export type PiecesReader = (query: AskedReport) => Promise<MergedPage | undefined>

export interface KeptPiece {
  readonly rows: readonly PartRow[]
  readonly scope: TouchScope
  mark: ReadMark
}

export interface PiecesReaderDeps {
  readonly rows: ReportRowsReader
  readonly writes: AnnouncedWrites
  readonly store: BoundedCache<KeptPiece>
  readonly windows: BoundedCache<readonly WindowBounds[]>
}

/** Rows of one question's pieces together: beyond it, ordering in ClickHouse is cheaper. */
const maxRows = 20_000
const maxFilledRows = 50_000
const maxRuns = 3

/**
 * Keeps what the pieces of a range add up to, so that a report of a month which ends now reads today again, and the
 * third when an event of the third comes in.
 */
export function createPiecesReader(deps: PiecesReaderDeps): PiecesReader {
  const { rows: reader, writes, store } = deps
  const readRun = async (query: AskedReport, keys: PieceKeys, run: readonly Piece[]): Promise<boolean> => {
    const mark = writes.mark()
    const range = { fromUs: run[0]?.fromUs ?? 0, toUs: run.at(-1)?.toUs ?? 0 }
    const found = await reader.pieces({ ...query, ...range, after: undefined }, keys.grid, maxRows)
    if (found === undefined) return false
    for (const piece of run) {
      const rows = found.get(piece.index) ?? []
      keys.read.set(piece.index, rows)
      store.set(keys.of(piece), { rows, mark, scope: scopeOf(writes, query, piece) }, sizeOf(rows))
    }
    return true
  }
  const windowsOf = async (query: AskedReport): Promise<readonly WindowBounds[]> => {
    const { window, timezone, fromUs, toUs } = query
    const key = JSON.stringify([window, timezone, fromUs, toUs])
    const known = deps.windows.get(key)
    if (known !== undefined) return known
    const read = await reader.windows(query)
    deps.windows.set(key, read, read.length * 64)
    return read
  }
  return async (query) => {
    const form = valueForm(query.meter.aggregation)
    if (form.from !== 'minutes' || (query.fill && countWindows(query) > maxFilledRows)) return undefined
    const keys = createPieceKeys(query)
    const pieces = cutRange(query.fromUs, query.toUs, keys.grid)
    const missing = pieces.filter((piece) => {
      const kept = store.get(keys.of(piece))
      if (kept === undefined || !writes.isCurrent(kept.scope, kept.mark)) return true
      kept.mark = writes.mark()
      keys.read.set(piece.index, kept.rows)
      return false
    })
    const runs = joinRuns(missing, pieces, maxRuns)
    const done = await Promise.all(runs.map((run) => readRun(query, keys, run)))
    if (done.includes(false)) return undefined
    const parts = pieces.map(({ index }) => keys.read.get(index) ?? [])
    if (!query.fill) return mergePieces(query, parts, [])
    const windows = await windowsOf(query)
    const groups = new Set(parts.flat().map(({ group }) => JSON.stringify(group))).size
    return windows.length * groups > maxFilledRows ? undefined : mergePieces(query, parts, windows)
  }
}

interface PieceKeys {
  readonly grid: number
  of(piece: Piece): string
  /** Rows by the number of their piece, as far as they are known. */
  readonly read: Map<number, readonly PartRow[]>
}

function createPieceKeys({
  meter,
  access,
  filter,
  groupBy,
  window,
  timezone,
  fromUs,
  toUs,
}: AskedReport): PieceKeys {
  const grid = chooseGrid(fromUs, toUs)
  const { tenant, name, version } = meter
  const common = JSON.stringify([tenant, name, version, access, filter, groupBy, window, timezone])
  return {
    grid,
    of: (piece) => `${piece.fromUs} ${piece.toUs} ${common}`,
    read: new Map(),
  }
}

function scopeOf(writes: AnnouncedWrites, { meter }: AskedReport, { fromUs, toUs }: Piece): TouchScope {
  return writes.scope(
    { tenant: meter.tenant, meter: meter.name, version: meter.version },
    minutesOf(fromUs, toUs),
  )
}

export function minutesOf(fromUs: number, toUs: number) {
  return { fromMinute: Math.floor(fromUs / 60_000_000), toMinute: Math.ceil(toUs / 60_000_000) }
}

function sizeOf(rows: readonly PartRow[]): number {
  const texts = (group: readonly string[]): number => group.reduce((sum, text) => sum + 24 + text.length, 0)
  return rows.reduce((sum, { group }) => sum + 160 + texts(group), 0)
}
