import t from 'tap'
import { BodyPieces } from '../src/body-pieces.ts'

t.test('pieces of every size come out as they came in', async (t) => {
  const body = Buffer.from(Array.from({ length: 50_000 }, (_, at) => at % 251))
  const pieces = new BodyPieces()
  for (let at = 0, size = 1; at < body.length; at += size, size = (size * 7) % 3_001) {
    pieces.add(body.subarray(at, at + size))
  }
  t.equal(pieces.bytes, body.length)
  t.ok(pieces.take().equals(body))
  t.equal(pieces.bytes, 0)
  t.equal(pieces.take().length, 0)
})

t.test('a body in single bytes takes little more memory than in one piece', async (t) => {
  const pieces = new BodyPieces()
  const before = process.memoryUsage()
  for (let at = 0; at < 1_000_000; at += 1) pieces.add(Buffer.from([at & 0xff]))
  const after = process.memoryUsage()
  // Kept one by one they would take 100 MB and more.
  const bytes = after.arrayBuffers - before.arrayBuffers + after.heapUsed - before.heapUsed
  t.ok(bytes < 60_000_000, `${bytes} bytes, what nobody holds any more included`)
  t.equal(pieces.take().length, 1_000_000)
})
