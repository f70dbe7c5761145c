import t from 'tap'
import type { Cell } from '../src/clickhouse-reader.ts'
import { createBackfillReader } from '../src/read-backfill.ts'

/** Answers one row after the other; columns are chunks written down, landed, planned, events, events landed. */
function createReader(...rows: (readonly Cell[])[]) {
  const questions: unknown[] = []
  const reader = createBackfillReader({
    read: async ({ parameters }) => {
      questions.push(parameters)
      return [rows.shift() ?? []]
    },
  })
  return { reader, questions }
}

const meter = { tenant: 'acme', name: 'visits', version: 3 }

t.test('a backfill has no progress until it is planned, and is done with its last chunk', async (t) => {
  const { reader, questions } = createReader(
    ['0', '0', 0, '0', '0'],
    ['4', '0', 4, '100', '0'],
    ['4', '3', 4, '100', '75'],
    ['4', '4', 4, '100', '100'],
  )
  t.strictSame(await reader.read(meter), { done: false, progress: 0 })
  t.strictSame(await reader.read(meter), { done: false, progress: 0 })
  t.strictSame(await reader.read(meter), { done: false, progress: 0.75 })
  t.strictSame(await reader.read(meter), { done: true, progress: 1 })
  t.strictSame(questions[0], { tenant: 'acme', meter: 'visits', version: 3 })
})

t.test('what is done is not asked for again, but for another version', async (t) => {
  const { reader, questions } = createReader(['1', '1', 1, '0', '0'], ['2', '1', 2, '2', '1'])
  await reader.read(meter)
  t.strictSame(await reader.read(meter), { done: true, progress: 1 })
  t.equal(questions.length, 1)
  t.strictSame(await reader.read({ ...meter, version: 4 }), { done: false, progress: 0.5 })
})

t.test('a backfill whose last chunk is missing is not done, however little is in it', async (t) => {
  const { reader } = createReader(['2', '1', 2, '100000', '99999'])
  t.strictSame(await reader.read(meter), { done: false, progress: 0.999 })
})
