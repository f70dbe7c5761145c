import type { Microseconds } from './time.ts'

/** A part of a report's range. Pieces of equal grids are the same for all reports, but for those at the ends of a range. */
export interface Piece {
  /** Of the grid's cell that it lies in. */
  readonly index: number
  readonly fromUs: Microseconds
  readonly toUs: Microseconds
}

const day = 86_400
/** Seconds; counted from 1970 in UTC, so that the coarser ones hold whole days of the rollup. */
const grids = [3_600, day, 16 * day, 256 * day] as const
const maxPieces = 64

/** The finest grid that cuts a range into few pieces. */
export function chooseGrid(fromUs: Microseconds, toUs: Microseconds): number {
  const seconds = (toUs - fromUs) / 1_000_000
  return grids.find((grid) => seconds <= grid * maxPieces) ?? (grids.at(-1) as number)
}

/** The coarsest grid that cuts a piece; undefined for what lies in one hour. */
export function finerGrid({ fromUs, toUs }: Piece): number | undefined {
  return grids.findLast((grid) => {
    const gridUs = grid * 1_000_000
    return Math.ceil(toUs / gridUs) - Math.floor(fromUs / gridUs) > 1
  })
}

export function cutRange(fromUs: Microseconds, toUs: Microseconds, grid: number): readonly Piece[] {
  const gridUs = grid * 1_000_000
  const pieces: Piece[] = []
  for (let index = Math.floor(fromUs / gridUs); index * gridUs < toUs; index += 1) {
    pieces.push({
      index,
      fromUs: Math.max(fromUs, index * gridUs),
      toUs: Math.min(toUs, (index + 1) * gridUs),
    })
  }
  return pieces
}

/** Runs of neighbours among the pieces that are missing; when there are more than `most`, with those between them. */
export function joinRuns(
  missing: readonly Piece[],
  all: readonly Piece[],
  most: number,
): readonly (readonly Piece[])[] {
  const runs: Piece[][] = []
  for (const piece of missing) {
    const last = runs.at(-1)
    if (last?.at(-1)?.index === piece.index - 1) last.push(piece)
    else runs.push([piece])
  }
  if (runs.length <= most) return runs
  const first = missing[0]?.index ?? 0
  const last = missing.at(-1)?.index ?? 0
  return [all.filter(({ index }) => index >= first && index <= last)]
}
