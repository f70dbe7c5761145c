import type { AnnouncedWrites } from './announced-writes.ts'
import type { HourCells } from './hour-cells.ts'
import {
  computed,
  createPieceRead,
  type KeptPiece,
  type KeptRows,
  keepRows,
  maxPieceRows,
  type PieceRead,
  type RunningSum,
} from './kept-piece.ts'
import { type PartRow, sumUp } from './merge-pieces.ts'
import type { Computed, ReportCache } from './report-cache.ts'
import { cutRange, finerGrid, joinRuns, type Piece } from './report-pieces.ts'
import type { AskedReport } from './report-query.ts'
import type { ReportRowsReader } from './report-rows-reader.ts'
import type { ValueForm } from './report-values.ts'

/** Rows of the pieces of a range, each by itself; undefined when there are too many. */
export type PieceTree = (
  query: AskedReport,
  pieces: readonly Piece[],
  grid: number,
) => Promise<readonly (readonly PartRow[])[] | undefined>

export interface PieceTreeDeps {
  readonly rows: Pick<ReportRowsReader, 'pieces'>
  readonly writes: AnnouncedWrites
  readonly cache: ReportCache<KeptPiece>
  readonly hours: HourCells
}

const maxRuns = 3
const hourUs = 3_600_000_000

/**
 * A piece is read as a whole at first. Once it was written to, it is put together from pieces of the next finer grid,
 * down to the hour: of a year into which events come all the time nothing is read but the hour that they come into.
 */
export function createPieceTree({ rows: reader, writes, cache, hours }: PieceTreeDeps): PieceTree {
  const readWhole = async (read: PieceRead, piece: Piece, grid: number): Promise<KeptPiece> => {
    const { fromUs, toUs } = piece
    const found = await reader.pieces({ ...read.query, fromUs, toUs }, grid, maxPieceRows)
    return found && keepRows(found.get(piece.index) ?? [])
  }
  const readHour = async (read: PieceRead, piece: Piece, grid: number): Promise<KeptPiece> => {
    const rows = await hours(read.query, piece)
    return rows === undefined ? readWhole(read, piece, grid) : keepRows(rows)
  }
  /** Readers at the same time share it. */
  const readPiece = async (read: PieceRead, piece: Piece, grid: number): Promise<KeptPiece> => {
    const finer = finerGrid(piece)
    const compute = async (former: KeptPiece): Promise<Computed<KeptPiece>> => {
      if (finer === undefined) return computed(await readHour(read, piece, grid))
      // One that ends within an hour ends now, mostly, and somewhere else the next time.
      if (former === undefined && piece.toUs % hourUs === 0)
        return computed(await readWhole(read, piece, grid))
      const parts = await readPieces(read, cutRange(piece.fromUs, piece.toUs, finer), finer)
      return computed(parts && addUp(read.form, parts, former?.sum))
    }
    return (await cache.read(read.of(piece), compute)).value
  }
  const readRun = async (read: PieceRead, run: readonly Piece[], grid: number) => {
    const mark = writes.mark()
    const range = { fromUs: run[0]?.fromUs ?? 0, toUs: run.at(-1)?.toUs ?? 0 }
    const found = await reader.pieces({ ...read.query, ...range }, grid, maxPieceRows)
    return run.map((piece): KeptPiece => {
      const kept = found && keepRows(found.get(piece.index) ?? [])
      cache.keep(read.of(piece), mark, computed(kept))
      return kept
    })
  }
  const readPieces = async (
    read: PieceRead,
    pieces: readonly Piece[],
    grid: number,
  ): Promise<readonly KeptRows[] | undefined> => {
    const known = new Map<number, KeptPiece>()
    const missing = pieces.filter((piece) => {
      const kept = cache.peek(read.of(piece).key)
      if (kept !== undefined) known.set(piece.index, kept.value)
      return kept === undefined
    })
    const runs = missing.length <= maxRuns ? [] : joinRuns(missing, pieces, maxRuns)
    const asked = runs.length === 0 ? missing : runs.flat()
    const found = await (runs.length === 0
      ? Promise.all(missing.map((piece) => readPiece(read, piece, grid)))
      : Promise.all(runs.map((run) => readRun(read, run, grid))))
    for (const [index, kept] of found.flat().entries()) known.set(asked[index]?.index ?? 0, kept)
    const all = pieces.map(({ index }) => known.get(index))
    return all.every((kept) => kept !== undefined) ? all : undefined
  }
  return async (query, pieces, grid) => {
    const all = await readPieces(createPieceRead(query, writes), pieces, grid)
    return all?.map(({ rows }) => rows)
  }
}

/** Where one part alone differs from those of the last time, only that is added to the others. */
function addUp(form: ValueForm, parts: readonly KeptRows[], former: RunningSum | undefined): KeptPiece {
  const same = former?.parts.length === parts.length
  const changed = same
    ? parts.flatMap(({ stamp }, index) => (stamp === former.parts[index] ? [] : [index]))
    : []
  const without = changed.length === 1 ? (changed[0] as number) : parts.length - 1
  const known = same && changed.every((index) => index === former.without) && former.without === without
  const rest = known
    ? former.rest
    : sumUp(
        form,
        parts.filter((_, index) => index !== without).map(({ rows }) => rows),
      )
  const rows = sumUp(form, [rest, parts[without]?.rows ?? []])
  if (rows.length > maxPieceRows) return undefined
  return keepRows(rows, { parts: parts.map(({ stamp }) => stamp), without, rest })
}
