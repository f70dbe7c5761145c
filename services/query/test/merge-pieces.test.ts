import type { Aggregation } from '@millrace/catalog/resources'
import t from 'tap'
import { mergePieces, type PartRow } from '../src/merge-pieces.ts'
import { meter, query } from './report-fixtures.ts'

const unit = 10n ** 18n
const part = (start: number, page: string, readings: bigint, amount?: bigint): PartRow => ({
  start,
  end: start + 60,
  group: [page],
  readings,
  amount: amount === undefined ? undefined : amount * unit,
})
const ask = (aggregation: Aggregation, more: object = {}) => ({
  ...query,
  meter: { ...meter, aggregation },
  groupBy: ['page'],
  order: [
    { field: 'windowStart', descending: false },
    { field: 'page', descending: false },
  ],
  ...more,
})
const shown = (rows: readonly PartRow[]) =>
  rows.map(({ start, group, readings, amount }) => [start, ...group, readings, amount])

t.test('parts of one window and group are added up as the aggregation has it', async (t) => {
  const pieces = [[part(0, '/', 2n, 5n)], [part(0, '/', 3n, -7n), part(60, '/', 1n, 1n)]]
  const merge = (aggregation: Aggregation) => shown(mergePieces(ask(aggregation), pieces, []).rows)
  t.same(merge('sum'), [
    [0, '/', 5n, -2n * unit],
    [60, '/', 1n, unit],
  ])
  t.same(merge('avg')[0], [0, '/', 5n, -2n * unit])
  t.same(merge('min')[0], [0, '/', 5n, -7n * unit])
  t.same(merge('max')[0], [0, '/', 5n, 5n * unit])
  const counted = mergePieces(ask('count'), [[part(0, '/', 2n)], [part(0, '/', 3n)]], [])
  t.same(shown(counted.rows), [[0, '/', 5n, undefined]])
})

t.test('groups are ordered by their bytes, as ClickHouse orders them', async (t) => {
  const rows = ['\uffee', '\u{1f600}', 'b', 'B', ''].map((page) => part(0, page, 1n))
  const { rows: sorted } = mergePieces(ask('count'), [rows], [])
  t.same(
    sorted.map(({ group }) => group[0]),
    ['', 'B', 'b', '\uffee', '\u{1f600}'],
  )
})

t.test('pages go on behind the last row in any order', async (t) => {
  const rows = Array.from({ length: 10 }, (_, index) =>
    part(60 * (index % 3), `/${index}`, 1n, BigInt(index % 4)),
  )
  for (const aggregation of ['sum', 'avg', 'max', 'count'] as const) {
    for (const field of ['value', 'windowStart', 'page']) {
      const order = [
        { field, descending: true },
        ...ask(aggregation).order.filter((it) => it.field !== field),
      ]
      const all = mergePieces(ask(aggregation, { order }), [rows], []).rows
      const paged: PartRow[] = []
      let after: readonly string[] | undefined
      do {
        const page = mergePieces(ask(aggregation, { order, limit: 3, after }), [rows], [])
        paged.push(...page.rows)
        after = page.lastKeys
      } while (after !== undefined)
      t.same(paged, all, `${aggregation} by ${field}`)
    }
  }
})

t.test('filled windows are there for every group, empty ones last by value', async (t) => {
  const windows = [
    [0, 60],
    [60, 120],
  ] as const
  const filled = mergePieces(
    ask('sum', { fill: true }),
    [[part(0, '/a', 1n, 3n), part(60, '/b', 1n, 4n)]],
    windows,
  )
  t.same(shown(filled.rows), [
    [0, '/a', 1n, 3n * unit],
    [0, '/b', 0n, undefined],
    [60, '/a', 0n, undefined],
    [60, '/b', 1n, 4n * unit],
  ])
  const ungrouped = {
    fill: true,
    groupBy: [],
    order: [
      { field: 'value', descending: false },
      { field: 'windowStart', descending: false },
    ],
  }
  const row = { ...part(60, '', 1n, -3n), group: [] }
  const starts = (aggregation: Aggregation) =>
    mergePieces(ask(aggregation, ungrouped), [[row]], windows).rows.map(({ start }) => start)
  t.same(starts('sum'), [60, 0], 'nothing is 0, and more than -3')
  t.same(starts('avg'), [60, 0], 'there is no average of nothing')
  t.same(mergePieces(ask('count', { fill: true }), [], windows).rows, [], 'no group occurs')
})
