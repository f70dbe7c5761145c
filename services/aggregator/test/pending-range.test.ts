import t from 'tap'
import { chooseStart } from '../src/choose-start.ts'
import { deduplicationToken, formatPending, parsePending } from '../src/pending-range.ts'

t.test('a pending range survives the commit’s metadata', async (t) => {
  const range = { from: 5, to: 9, catalog: 3 }
  t.equal(formatPending(range), '{"pending":[5,9],"catalog":3}')
  t.strictSame(parsePending(formatPending(range)), range)
})

t.test('metadata of another form is no pending range', async (t) => {
  for (const metadata of [
    undefined,
    null,
    '',
    'x',
    '{}',
    'null',
    '{"pending":[5]}',
    '{"pending":[9,5]}',
    '{"pending":[-1,5]}',
    '{"pending":["1",5]}',
  ]) {
    t.equal(parsePending(metadata), undefined, String(metadata))
  }
})

t.test('the token depends on topic, partition and range, on nothing else', async (t) => {
  t.equal(deduplicationToken('p-millrace.events', 3, { from: 5, to: 9 }), 'p-millrace.events:3:5-9')
})

t.test('a partition is taken up where it was left, with its pending range', async (t) => {
  const pending = { from: 5, to: 9, catalog: 0 }
  t.strictSame(chooseStart({ partition: 1, offset: 5, metadata: formatPending(pending) }, 0, 20), {
    start: { partition: 1, offset: 5, pending },
    position: 5,
  })
  t.strictSame(chooseStart({ partition: 1, offset: 5 }, 0, 20), {
    start: { partition: 1, offset: 5, pending: undefined },
    position: 5,
  })
})

t.test('a partition without a committed offset starts at the first record', async (t) => {
  t.strictSame(chooseStart({ partition: 1 }, 4, 20), {
    start: { partition: 1, offset: 4, pending: undefined },
    position: 4,
  })
})

t.test('offsets that Kafka has not any more are told of', async (t) => {
  t.match(chooseStart({ partition: 1, offset: 30 }, 4, 20), { position: 4, fault: /behind the end/ })
  t.match(chooseStart({ partition: 1, offset: 2 }, 4, 20), { position: 4, fault: /retention/ })
  const metadata = formatPending({ from: 5, to: 20, catalog: 0 })
  t.match(chooseStart({ partition: 1, offset: 5, metadata }, 4, 20), {
    start: { pending: undefined },
    position: 5,
    fault: /pending range/,
  })
})
