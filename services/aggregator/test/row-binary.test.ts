import t from 'tap'
import { RowBinary } from '../src/row-binary.ts'

function write(fill: (row: RowBinary) => void): string {
  const row = new RowBinary(1)
  fill(row)
  return row.bytes().toString('hex')
}

t.test('strings stand behind their length in bytes, as LEB128', async (t) => {
  t.equal(
    write((row) => row.writeString('')),
    '00',
  )
  t.equal(
    write((row) => row.writeString('é')),
    '02c3a9',
  )
  t.equal(
    write((row) => row.writeString('é'.repeat(42))),
    `54${'c3a9'.repeat(42)}`,
  )
  t.equal(
    write((row) => row.writeString('\u{1f600}'.repeat(32))),
    `8001${'f09f9880'.repeat(32)}`,
  )
  t.equal(
    write((row) => row.writeBytes(new Uint8Array(300))),
    `ac02${'00'.repeat(300)}`,
  )
})

t.test('integers are little-endian in two’s complement', async (t) => {
  t.equal(
    write((row) => row.writeUint32(0x01020304)),
    '04030201',
  )
  t.equal(
    write((row) => row.writeInt64(-1)),
    'ff'.repeat(8),
  )
  t.equal(
    write((row) => row.writeInt64(-4_294_967_297)),
    'fffffffffeffffff',
  )
  t.equal(
    write((row) => row.writeInt64(Number.MAX_SAFE_INTEGER)),
    'ffffffffffff1f00',
  )
  t.equal(
    write((row) => row.writeInt128(-1n)),
    'ff'.repeat(16),
  )
  t.equal(
    write((row) => row.writeInt128(1n << 64n)),
    `${'00'.repeat(8)}01${'00'.repeat(7)}`,
  )
  const one = `01${'00'.repeat(15)}`
  const values = [0n, 1n, 1n, -1n, 1n]
  t.equal(
    write((row) => {
      for (const value of values) row.writeInt128(value)
    }),
    `${'00'.repeat(16)}${one}${one}${'ff'.repeat(16)}${one}`,
    'also of the same value again',
  )
})

t.test('what was written survives the buffer’s growth', async (t) => {
  const row = new RowBinary(1)
  for (let index = 0; index < 1_000; index += 1) row.writeUint32(index)
  t.equal(row.length, 4_000)
  t.equal(row.bytes().readUInt32LE(4 * 777), 777)
})

/** More than a few pieces of the largest size. */
function writeMany(from: number): RowBinary {
  const row = new RowBinary()
  for (let index = 0; index < 500_000; index += 1) {
    row.writeInt64(from + index)
    row.writeString('é')
  }
  return row
}

t.test('many rows stand in pieces, which follow each other', async (t) => {
  const row = writeMany(0)
  const pieces = row.pieces()
  t.ok(pieces.length > 5)
  t.equal(row.length, 500_000 * 11)
  const whole = Buffer.concat(pieces)
  t.ok(whole.equals(row.bytes()))
  for (const index of [0, 95_325, 400_001, 499_999])
    t.equal(whole.readBigInt64LE(index * 11), BigInt(index), `row ${index}`)
  row.writeString('x'.repeat(3 * 1024 * 1024))
  t.equal(row.pieces().at(-1)?.length, 3 * 1024 * 1024 + 4, 'what is longer than a piece has one of its own')
  t.strictSame(new RowBinary().pieces(), [])
})

t.test('what was released is written over, what was not stays', async (t) => {
  const kept = writeMany(0)
  const before = Buffer.concat(kept.pieces())
  const released = writeMany(1_000_000)
  const [piece] = released.pieces().slice(-2)
  released.release()
  t.equal(released.length, 0)
  const next = writeMany(2_000_000)
  t.ok(
    next.pieces().some(({ buffer }) => buffer === piece?.buffer),
    'the next rows stand where others did',
  )
  t.equal(next.bytes().readBigInt64LE(499_999 * 11), 2_499_999n)
  t.ok(Buffer.concat(kept.pieces()).equals(before))
  released.writeUint8(7)
  t.equal(released.bytes().toString('hex'), '07')
})
