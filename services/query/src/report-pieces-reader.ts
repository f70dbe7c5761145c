import { createHash } from 'node:crypto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { AnnouncedWrites } from './announced-writes.ts'
import type { BoundedCache } from './bounded-cache.ts'
import { type MergedPage, mergePieces, type PartRow, type WindowBounds } from './merge-pieces.ts'
import type { CachedRead, Computed, ReportCache } from './report-cache.ts'
import { chooseGrid, cutRange, joinRuns, type Piece } from './report-pieces.ts'
import type { AskedReport } from './report-query.ts'
import type { ReportRowsReader } from './report-rows-reader.ts'
import { valueForm } from './report-values.ts'
import { countWindows } from './report-windows.ts'
import { createWidening } from './widen-report.ts'

/** A report put together from pieces of its range; undefined when it is not made of such, or too large for it. */
export type PiecesReader = (query: AskedReport) => Promise<MergedPage | undefined>

/** Rows of one piece; undefined when there are too many. */
export type KeptPiece = readonly PartRow[] | undefined

export interface PiecesReaderDeps {
  readonly rows: ReportRowsReader
  readonly writes: AnnouncedWrites
  readonly cache: ReportCache<KeptPiece>
  readonly windows: BoundedCache<readonly WindowBounds[]>
}

/** Rows of one question's pieces together: beyond it, ordering in ClickHouse is cheaper. */
const maxRows = 20_000
const maxFilledRows = 50_000
const maxRuns = 3

/**
 * Keeps what the pieces of a range add up to, so that a report of a month which ends now reads today again, and the
 * third when an event of the third comes in. Reports that only differ in what they filter by have the same pieces: those
 * of all values, as long as these are few.
 */
export function createPiecesReader(deps: PiecesReaderDeps): PiecesReader {
  const { rows: reader, writes, cache } = deps
  const widening = createWidening()

  /** Pieces that reports at the same time miss as well are asked for once. */
  const readSingle = async (read: PieceRead, piece: Piece): Promise<KeptPiece> => {
    const compute = async (): Promise<Computed<KeptPiece>> => {
      const { fromUs, toUs } = piece
      const found = await reader.pieces({ ...read.query, fromUs, toUs }, read.grid, maxRows)
      return computed(found && (found.get(piece.index) ?? []))
    }
    return (await cache.read(read.of(piece), compute)).value
  }
  const readRun = async (read: PieceRead, run: readonly Piece[]): Promise<readonly KeptPiece[]> => {
    const mark = writes.mark()
    const range = { fromUs: run[0]?.fromUs ?? 0, toUs: run.at(-1)?.toUs ?? 0 }
    const found = await reader.pieces({ ...read.query, ...range }, read.grid, maxRows)
    if (found === undefined) return run.map(() => undefined)
    return run.map((piece) => {
      const rows = found.get(piece.index) ?? []
      cache.keep(read.of(piece), mark, computed(rows))
      return rows
    })
  }
  /** Undefined when they have too many rows. */
  const readAll = async (query: AskedReport): Promise<readonly (readonly PartRow[])[] | undefined> => {
    const read = createPieceRead(query, writes)
    const pieces = cutRange(query.fromUs, query.toUs, read.grid)
    const known = new Map<number, KeptPiece>()
    const missing = pieces.filter((piece) => {
      const kept = cache.peek(read.of(piece).key)
      if (kept !== undefined) known.set(piece.index, kept.value)
      return kept === undefined
    })
    const runs = missing.length <= maxRuns ? [] : joinRuns(missing, pieces, maxRuns)
    const singles = runs.length === 0 ? missing : []
    const found = await Promise.all([
      ...singles.map(async (piece) => [await readSingle(read, piece)]),
      ...runs.map((run) => readRun(read, run)),
    ])
    for (const [index, piece] of [...singles, ...runs.flat()].entries())
      known.set(piece.index, found.flat()[index])
    const all = pieces.map(({ index }) => known.get(index))
    return all.every((rows) => rows !== undefined) ? all : undefined
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
  const readParts = async (query: AskedReport): Promise<readonly (readonly PartRow[])[] | undefined> => {
    const wide = widening.widen(query)
    if (wide === undefined) return readAll(query).catch(unlessTooCostly)
    const parts = await readAll(wide.query).catch(unlessTooCostly)
    if (parts !== undefined) return parts.map(wide.narrow)
    widening.refuse(query)
    return readAll(query).catch(unlessTooCostly)
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

function computed(rows: KeptPiece): Computed<KeptPiece> {
  return {
    value: rows,
    bytes: rows === undefined ? 0 : sizeOf(rows),
    dataThroughUs: 0,
    passing: rows === undefined,
  }
}

interface PieceRead {
  readonly query: AskedReport
  readonly grid: number
  of(piece: Piece): CachedRead
}

function createPieceRead(query: AskedReport, writes: AnnouncedWrites): PieceRead {
  const { meter, access, filter, groupBy, window, timezone, fromUs, toUs } = query
  const { tenant, name, version } = meter
  const common = JSON.stringify([tenant, name, version, access, filter, groupBy, window, timezone])
  // In the key of each piece: filters and constraints may be long lists.
  const hash = createHash('sha256').update(common).digest('base64url')
  return {
    query: { ...query, after: undefined },
    grid: chooseGrid(fromUs, toUs),
    of: (piece) => ({
      key: `${piece.fromUs} ${piece.toUs} ${hash}`,
      scope: writes.scope({ tenant, meter: name, version }, minutesOf(piece.fromUs, piece.toUs)),
      keepMs: Number.POSITIVE_INFINITY,
      staleAllowed: false,
    }),
  }
}

export function minutesOf(fromUs: number, toUs: number) {
  return { fromMinute: Math.floor(fromUs / 60_000_000), toMinute: Math.ceil(toUs / 60_000_000) }
}

function sizeOf(rows: readonly PartRow[]): number {
  const texts = (group: readonly string[]): number => group.reduce((sum, text) => sum + 24 + text.length, 0)
  return rows.reduce((sum, { group }) => sum + 160 + texts(group), 0)
}
