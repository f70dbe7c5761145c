import t from 'tap'
import { chooseGrid, cutRange, joinRuns } from '../src/report-pieces.ts'

const hourUs = 3_600_000_000
const dayUs = 24 * hourUs
const begin = Date.UTC(2026, 0, 1) * 1_000

t.test('pieces make up their range, without a gap or an overlap, and are few', async (t) => {
  const ranges = [
    [begin, begin + 1],
    [begin + 17, begin + 2 * hourUs],
    [begin - 1, begin + 2 * dayUs + 1],
    [begin + 12_345_678, begin + 31 * dayUs],
    [0, begin],
    [0, Date.UTC(2105, 11, 31) * 1_000],
  ] as const
  for (const [fromUs, toUs] of ranges) {
    const grid = chooseGrid(fromUs, toUs)
    const pieces = cutRange(fromUs, toUs, grid)
    t.ok(pieces.length <= 195, `${pieces.length}`)
    t.equal(pieces[0]?.fromUs, fromUs)
    t.equal(pieces.at(-1)?.toUs, toUs)
    for (const [index, piece] of pieces.entries()) {
      t.ok(piece.fromUs < piece.toUs)
      t.equal(Math.floor(piece.fromUs / 1_000_000 / grid), piece.index)
      if (index > 0) t.equal(piece.fromUs, pieces[index - 1]?.toUs)
    }
  }
})

t.test('what is missing is asked for in runs, and in one when there are too many', async (t) => {
  const pieces = cutRange(begin, begin + 10 * hourUs, 3_600)
  const pick = (...places: number[]) => places.map((place) => pieces[place] as (typeof pieces)[number])
  const lengths = (...places: number[]) => joinRuns(pick(...places), pieces, 3).map((run) => run.length)
  t.same(lengths(), [])
  t.same(lengths(0, 1, 2), [3])
  t.same(lengths(0, 4, 9), [1, 1, 1])
  t.same(lengths(1, 3, 5, 8), [8], 'from the first to the last')
})
