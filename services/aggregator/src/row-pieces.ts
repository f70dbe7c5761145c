/** Size of the pieces that rows are written into, once there are many rows. */
export const pieceBytes = 1024 * 1024

/** Two large batches' worth. */
const keptPieces = 64

/**
 * Pieces that nobody uses, for the next batches: 32 MiB of fresh memory for each batch cost page faults, and V8 collects
 * all of its heap whenever so much has been allocated outside of it.
 */
const kept: Buffer[] = []

/** Holds what others have left in it. */
export function takePiece(bytes: number): Buffer {
  return (bytes === pieceBytes ? kept.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes)
}

/** @param piece of `takePiece`, or a part of one; from here on others write there */
export function returnPiece({ buffer }: Buffer): void {
  if (buffer.byteLength === pieceBytes && kept.length < keptPieces) kept.push(Buffer.from(buffer))
}
