import t from 'tap'
import { columnBytes, createColumn, createStream, formatNativeBlock } from '../src/native-block.ts'

t.test('a block tells its columns and rows, then each column with its name, type and values', async (t) => {
  const names = createColumn('id', 'String')
  const sizes = createColumn('size', 'UInt32')
  for (const name of ['a', 'bc']) names.values.writeString(name)
  for (const size of [1, 2]) sizes.values.writeUint32(size)
  t.equal(columnBytes([names, sizes]), 13)
  const block = formatNativeBlock([names, sizes], 2)
  t.equal(block.length, 1, 'a small one goes in one piece')
  t.equal(
    block[0]?.toString('latin1'),
    '\x02\x02\x02id\x06String\x01a\x02bc\x04size\x06UInt32\x01\0\0\0\x02\0\0\0',
  )
})

t.test('nested values stand in the order of their streams, empty ones left out', async (t) => {
  const ends = createStream()
  const values = createStream()
  ends.writeInt64(0)
  const column = { name: 'v', type: 'Array(UInt8)', streams: [ends, values] }
  t.equal(
    formatNativeBlock([column], 1)[0]?.toString('latin1'),
    `\x01\x01\x01v\x0cArray(UInt8)${'\0'.repeat(8)}`,
  )
})

t.test('a large block goes in the pieces that it was written in', async (t) => {
  const column = createColumn('data', 'String')
  for (let value = 0; value < 20; value += 1) column.values.writeBytes(new Uint8Array(20_000))
  const pieces = formatNativeBlock([column], 20)
  t.ok(pieces.length > 1)
  t.equal(Buffer.concat(pieces).length, columnBytes([column]) + '\x01\x01\x04data\x06String'.length)
})

t.test('without rows there is no block', async (t) => {
  t.strictSame(formatNativeBlock([createColumn('id', 'String')], 0), [])
})
