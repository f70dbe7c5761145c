/** Size of the largest pieces that rows are written into: what a column does not fill of its last one is wasted. */
export const pieceBytes = 128 * 1024
/** Of the largest that are kept. */
export const largestPieceBytes = 256 * 1024
/** Of the smallest. */
const smallestBytes = 1024

/** What all batches together may take by default. */
const keptBytes = 384 * 1024 * 1024
/** What was not used for as long goes when the next piece is returned. */
const unusedMs = 60_000

/** Pieces of one size that nobody uses. */
interface Shelf {
  readonly pieces: Buffer[]
  /** So few were there since the last look: these have not been used. */
  least: number
}

/**
 * By size, for the next batches: fresh memory for each batch cost page faults, and V8 collects all of its heap whenever
 * so much has been allocated outside of it.
 */
const shelves = new Map<number, Shelf>()
let keptNow = 0
let lookedAtMs = 0

/** Holds what others have left in it. */
export function takePiece(bytes: number): Buffer {
  const shelf = shelves.get(bytes)
  const piece = shelf?.pieces.pop()
  if (shelf === undefined || piece === undefined) return Buffer.allocUnsafeSlow(bytes)
  keptNow -= bytes
  shelf.least = Math.min(shelf.least, shelf.pieces.length)
  return piece
}

/**
 * @param piece of `takePiece`, or a part of one; from here on others write there
 * @param nowMs of a clock that nobody sets
 */
export function returnPiece({ buffer }: Buffer, nowMs = performance.now()): void {
  const bytes = buffer.byteLength
  if (nowMs - lookedAtMs >= unusedMs) dropUnused(nowMs)
  if (!isKeptSize(bytes) || keptNow + bytes > keptBytes) return
  const shelf = shelves.get(bytes) ?? { pieces: [], least: 0 }
  shelves.set(bytes, shelf)
  shelf.pieces.push(Buffer.from(buffer))
  keptNow += bytes
}

/** Bytes of pieces that nobody uses. */
export function idlePieceBytes(): number {
  return keptNow
}

/** After a backlog batches are small again, and need little of what was kept for it. */
function dropUnused(nowMs: number): void {
  for (const [bytes, shelf] of shelves) {
    shelf.pieces.splice(0, shelf.least)
    keptNow -= shelf.least * bytes
    shelf.least = shelf.pieces.length
  }
  lookedAtMs = nowMs
}

/** Powers of two: others are of single long values. */
function isKeptSize(bytes: number): boolean {
  return bytes >= smallestBytes && bytes <= largestPieceBytes && (bytes & (bytes - 1)) === 0
}
