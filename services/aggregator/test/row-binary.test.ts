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
})

t.test('what was written survives the buffer’s growth', async (t) => {
  const row = new RowBinary(1)
  for (let index = 0; index < 1_000; index += 1) row.writeUint32(index)
  t.equal(row.length, 4_000)
  t.equal(row.bytes().readUInt32LE(4 * 777), 777)
})
