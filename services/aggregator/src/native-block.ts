import { RowBinary } from './row-binary.ts'

/** A column of a block, as it is written value by value. */
export interface NativeColumn {
  readonly name: string
  readonly type: string
  /** What nested values are made of, in ClickHouse's order: offsets before elements, the map of nulls before values. */
  readonly streams: readonly RowBinary[]
}

/** A column whose values follow each other, as strings and numbers do. */
export interface FlatColumn extends NativeColumn {
  readonly values: RowBinary
}

/** Most batches are small, and there are many columns. */
const firstPieceBytes = 1024
/** Smaller blocks go in one piece: each piece is a write of its own. */
const onePieceBytes = 256 * 1024

export function createStream(): RowBinary {
  return new RowBinary(firstPieceBytes)
}

/** @param type what ClickHouse turns into the column's own: String for LowCardinality */
export function createColumn(name: string, type: string): FlatColumn {
  const values = createStream()
  return { name, type, values, streams: [values] }
}

export function columnBytes(columns: readonly NativeColumn[]): number {
  let bytes = 0
  for (const { streams } of columns) for (const stream of streams) bytes += stream.length
  return bytes
}

/**
 * One block in ClickHouse's Native format, which it takes as its own columns: reading rows costs it four times as much.
 * A block that is cut anywhere is refused: it says how many columns and rows there are.
 * @returns pieces that follow each other; none without rows
 */
export function formatNativeBlock(columns: readonly NativeColumn[], rows: number): readonly Buffer[] {
  if (rows === 0) return []
  const head = new RowBinary(firstPieceBytes)
  head.writeLength(columns.length)
  head.writeLength(rows)
  const pieces: Buffer[] = [...head.pieces()]
  for (const { name, type, streams } of columns) {
    const title = new RowBinary(firstPieceBytes)
    title.writeString(name)
    title.writeString(type)
    pieces.push(...title.pieces())
    for (const stream of streams) pieces.push(...stream.pieces())
  }
  return columnBytes(columns) < onePieceBytes ? [Buffer.concat(pieces)] : pieces
}

export function releaseColumns(columns: readonly NativeColumn[]): void {
  for (const { streams } of columns) for (const stream of streams) stream.release()
}
