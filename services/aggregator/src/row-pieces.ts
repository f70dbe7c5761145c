/** Size of the largest pieces that rows are written into: what a column does not fill of its last one is wasted. */
export const pieceBytes = 128 * 1024
/** Of the smallest that are kept. */
const smallestBytes = 1024

/** More than a batch of the largest size. */
const keptBytes = 64 * 1024 * 1024

/**
 * Pieces that nobody uses, by their size, for the next batches: fresh memory for each batch cost page faults, and V8
 * collects all of its heap whenever so much has been allocated outside of it.
 */
const kept = new Map<number, Buffer[]>()
let keptNow = 0

/** Holds what others have left in it. */
export function takePiece(bytes: number): Buffer {
  const piece = kept.get(bytes)?.pop()
  if (piece === undefined) return Buffer.allocUnsafeSlow(bytes)
  keptNow -= bytes
  return piece
}

/** @param piece of `takePiece`, or a part of one; from here on others write there */
export function returnPiece({ buffer }: Buffer): void {
  const bytes = buffer.byteLength
  if (!isKeptSize(bytes) || keptNow + bytes > keptBytes) return
  const pieces = kept.get(bytes) ?? []
  kept.set(bytes, pieces)
  pieces.push(Buffer.from(buffer))
  keptNow += bytes
}

/** Powers of two: others are of single long values. */
function isKeptSize(bytes: number): boolean {
  return bytes >= smallestBytes && bytes <= pieceBytes && (bytes & (bytes - 1)) === 0
}
