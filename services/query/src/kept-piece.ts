import { createHash } from 'node:crypto'
import type { AnnouncedWrites } from './announced-writes.ts'
import type { PartRow } from './merge-pieces.ts'
import type { CachedRead, Computed } from './report-cache.ts'
import type { Piece } from './report-pieces.ts'
import type { AskedReport } from './report-query.ts'
import { type ValueForm, valueForm } from './report-values.ts'

/** What of one piece is kept; undefined when it has too many rows. */
export type KeptPiece = { readonly rows: readonly PartRow[]; readonly sum?: RunningSum } | undefined

/** All parts of a piece but one added up, for that is mostly the one that is written to again. */
export interface RunningSum {
  readonly parts: readonly (readonly PartRow[])[]
  readonly without: number
  readonly rest: readonly PartRow[]
}

/** Rows of one piece, or of one question's pieces together: beyond it, ordering in ClickHouse is cheaper. */
export const maxPieceRows = 20_000

export function computed(kept: KeptPiece): Computed<KeptPiece> {
  return {
    value: kept,
    bytes: kept === undefined ? 0 : sizeOf(kept.rows) + sizeOf(kept.sum?.rest ?? []),
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

function sizeOf(rows: readonly PartRow[]): number {
  const texts = (group: readonly string[]): number => group.reduce((sum, text) => sum + 24 + text.length, 0)
  return rows.reduce((sum, { group }) => sum + 160 + texts(group), 0)
}
