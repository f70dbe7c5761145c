import { createHash } from 'node:crypto'
import type { AnnouncedWrites } from './announced-writes.ts'
import type { PartRow } from './merge-pieces.ts'
import type { CachedRead, Computed } from './report-cache.ts'
import type { Piece } from './report-pieces.ts'
import type { AskedReport } from './report-query.ts'
import { type ValueForm, valueForm } from './report-values.ts'

export interface KeptRows {
  readonly rows: readonly PartRow[]
  /** Of these rows alone: who has it can tell whether a piece still has them. */
  readonly stamp: symbol
  readonly sum: RunningSum | undefined
}

/** What of one piece is kept; undefined when it has too many rows. */
export type KeptPiece = KeptRows | undefined

/** All parts of a piece but one added up, for that is mostly the one that is written to again. */
export interface RunningSum {
  /** Stamps, and not the rows: held from here, those of parts that were evicted would go on taking room unseen. */
  readonly parts: readonly symbol[]
  readonly without: number
  readonly rest: readonly PartRow[]
}

/** Rows of one piece, or of one question's pieces together: beyond it, ordering in ClickHouse is cheaper. */
export const maxPieceRows = 20_000

export function keepRows(rows: readonly PartRow[], sum?: RunningSum): KeptRows {
  return { rows, stamp: Symbol(), sum }
}

export function computed(kept: KeptPiece): Computed<KeptPiece> {
  return {
    value: kept,
    bytes: kept === undefined ? 0 : stampBytes + sizeOf(kept.rows) + sizeOfSum(kept.sum),
    dataThroughUs: 0,
    passing: kept === undefined,
  }
}

export interface PieceRead {
  readonly query: AskedReport
  readonly form: ValueForm
  of(piece: Piece): CachedRead
}

/** @param kind keeps apart what is kept of equal queries */
export function createPieceRead(query: AskedReport, writes: AnnouncedWrites, kind = ''): PieceRead {
  const { meter, access, filter, groupBy, window, timezone } = query
  const { tenant, name, version } = meter
  const common = JSON.stringify([kind, tenant, name, version, access, filter, groupBy, window, timezone])
  // In the key of each piece: filters and constraints may be long lists.
  const hash = createHash('sha256').update(common).digest('base64url')
  return {
    query: { ...query, after: undefined },
    form: valueForm(meter.aggregation),
    of: ({ fromUs, toUs }) => ({
      key: `${fromUs} ${toUs} ${hash}`,
      scope: writes.scope({ tenant, meter: name, version }, minutesOf(fromUs, toUs)),
      keepMs: Number.POSITIVE_INFINITY,
      staleAllowed: false,
    }),
  }
}

export function minutesOf(fromUs: number, toUs: number) {
  return { fromMinute: Math.floor(fromUs / 60_000_000), toMinute: Math.ceil(toUs / 60_000_000) }
}

const stampBytes = 32

/** Each part's stamp counts here too: the part may be gone. */
function sizeOfSum(sum: RunningSum | undefined): number {
  return sum === undefined ? 0 : sizeOf(sum.rest) + sum.parts.length * (8 + stampBytes)
}

function sizeOf(rows: readonly PartRow[]): number {
  const texts = (group: readonly string[]): number => group.reduce((sum, text) => sum + 24 + text.length, 0)
  return rows.reduce((sum, { group }) => sum + 160 + texts(group), 0)
}
