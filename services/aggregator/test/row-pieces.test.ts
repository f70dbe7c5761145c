import t from 'tap'
import { idlePieceBytes, pieceBytes, returnPiece, takePiece } from '../src/row-pieces.ts'

t.test('what was used within a minute is kept, what lay there goes', async (t) => {
  const startMs = performance.now()
  const backlog = Array.from({ length: 10 }, () => takePiece(pieceBytes))
  for (const piece of backlog) returnPiece(piece, startMs)
  t.equal(idlePieceBytes(), 10 * pieceBytes)
  returnPiece(takePiece(pieceBytes), startMs + 61_000)
  const after = [idlePieceBytes()]
  for (const minute of [2, 3]) {
    const used = [takePiece(pieceBytes), takePiece(pieceBytes)]
    for (const piece of used) returnPiece(piece, startMs + minute * 61_000)
    after.push(idlePieceBytes())
  }
  t.strictSame(after, [10 * pieceBytes, 2 * pieceBytes, 2 * pieceBytes])
})

t.test('pieces of a single long value are not kept', async (t) => {
  const before = idlePieceBytes()
  returnPiece(takePiece(300_000))
  t.equal(idlePieceBytes(), before)
})
