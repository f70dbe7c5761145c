import t from 'tap'
import { groupValues } from '../src/live-cells.ts'
import { createLiveView, type LiveView, liveSeconds } from '../src/live-view.ts'
import type { Reading } from '../src/take-readings.ts'

const nowMs = Date.UTC(2026, 0, 1)
const second = nowMs / 1_000

function createView(config = { liveMaxGroups: 100, liveMaxCells: 1_000 }) {
  const clock = { nowMs }
  return { clock, view: createLiveView({ now: () => clock.nowMs }, config) }
}

function reading(value: bigint | null, group: string[] = [], version = 1): Reading {
  return { meter: 'm', version, group, value }
}

/** Group → [count, sum, min, max] of a second. */
function read(view: LiveView, at = second): Record<string, unknown> {
  const found = view.changes('default', 'm', 0, 0).seconds.find((one) => one.second === at)
  return Object.fromEntries(
    [...(found?.groups ?? [])].map(([key, { count, sum, min, max }]) => [
      groupValues(key).join('/'),
      [count, sum, min, max],
    ]),
  )
}

t.test('events are seen as soon as they are read, and stay when their batch has landed', async (t) => {
  const { view } = createView()
  const overlay = view.openOverlay()
  overlay.add('default', nowMs * 1_000, reading(3n, ['a']))
  overlay.add('default', nowMs * 1_000 + 999_999, reading(-1n, ['a']))
  overlay.add('default', nowMs * 1_000, reading(null, ['b']))
  const expected = { a: [2, 2n, -1n, 3n], b: [1, null, null, null] }
  t.strictSame(read(view), expected)
  overlay.keep()
  t.strictSame(read(view), expected)
  overlay.drop()
  t.strictSame(read(view), expected, 'what was kept is not dropped')
})

t.test('a batch that is given up takes its readings along, and its seconds count as changed', async (t) => {
  const { view } = createView()
  const kept = view.openOverlay()
  kept.add('default', nowMs * 1_000, reading(1n))
  kept.keep()
  const dropped = view.openOverlay()
  dropped.add('default', nowMs * 1_000, reading(100n))
  const { revision } = view.changes('default', 'm', 0, 0)
  t.strictSame(read(view), { '': [2, 101n, 1n, 100n] })
  dropped.drop()
  t.strictSame(read(view), { '': [1, 1n, 1n, 1n] })
  t.strictSame(
    view.changes('default', 'm', 0, revision).seconds.map((one) => one.second),
    [second],
  )
})

t.test('only what changed since a revision is told', async (t) => {
  const { view } = createView()
  const overlay = view.openOverlay()
  overlay.add('default', (nowMs - 5_000) * 1_000, reading(null))
  const { revision } = view.changes('default', 'm', 0, 0)
  t.strictSame(view.changes('default', 'm', 0, revision).seconds, [])
  overlay.add('default', nowMs * 1_000, reading(null))
  t.strictSame(
    view.changes('default', 'm', 0, revision).seconds.map((one) => one.second),
    [second],
  )
  t.strictSame(view.changes('default', 'm', second + 1, 0).seconds, [], 'nor what is before the span')
  t.strictSame(view.changes('other', 'm', 0, 0).seconds, [], 'nor what is another tenant’s')
})

t.test('groups beyond the cap are summed up in one without values', async (t) => {
  const { view } = createView({ liveMaxGroups: 2, liveMaxCells: 1_000 })
  const overlay = view.openOverlay()
  for (const group of ['a', 'b', 'c', 'd', 'a']) overlay.add('default', nowMs * 1_000, reading(1n, [group]))
  const expected = { a: [2, 2n, 1n, 1n], b: [1, 1n, 1n, 1n], '': [2, 2n, 1n, 1n] }
  t.strictSame(read(view), expected)
  overlay.keep()
  t.strictSame(read(view), expected)
  t.equal(view.cells(), 3)
})

t.test('seconds leave after an hour', async (t) => {
  const { view, clock } = createView()
  const first = view.openOverlay()
  first.add('default', nowMs * 1_000, reading(1n))
  first.keep()
  clock.nowMs += (liveSeconds + 60) * 1_000
  const later = view.openOverlay()
  later.add('default', nowMs * 1_000, reading(1n))
  later.add('default', clock.nowMs * 1_000, reading(1n))
  later.keep()
  t.equal(view.cells(), 1)
  t.strictSame(
    view.changes('default', 'm', 0, 0).seconds.map((one) => one.second),
    [clock.nowMs / 1_000],
  )
})

t.test('times far ahead of this clock are not shown', async (t) => {
  const { view } = createView()
  view.openOverlay().add('default', (nowMs + 3_600_000) * 1_000, reading(1n))
  t.strictSame(view.changes('default', 'm', 0, 0).seconds, [])
})

t.test('the oldest seconds leave when there are too many cells', async (t) => {
  const { view } = createView({ liveMaxGroups: 100, liveMaxCells: 50 })
  for (let at = 0; at < 500; at += 1) {
    const overlay = view.openOverlay()
    overlay.add('default', (nowMs - (500 - at) * 1_000) * 1_000, reading(1n))
    overlay.keep()
  }
  t.ok(view.cells() <= 50 && view.cells() >= 40, `${view.cells()} cells`)
  t.ok(view.changes('default', 'm', second - 1, 0).seconds.length > 0, 'the newest stays')
})

t.test('another version of a meter starts anew, and the old one does not come back', async (t) => {
  const { view } = createView()
  const add = (one: Reading): void => {
    const overlay = view.openOverlay()
    overlay.add('default', nowMs * 1_000, one)
    overlay.keep()
  }
  add(reading(1n, ['a', 'b'], 1))
  add(reading(2n, ['a'], 2))
  add(reading(5n, ['a', 'b'], 1))
  t.strictSame(read(view), { a: [1, 2n, 2n, 2n] })
  t.equal(view.changes('default', 'm', 0, 0).version, 2)
  t.equal(view.cells(), 1)
})

t.test('a retraction takes an event away, a settlement moves it, as long as their batch is there', (t) => {
  const { view } = createView()
  const landed = view.openOverlay()
  for (const value of [3n, 4n]) landed.add('default', nowMs * 1_000, reading(value, ['false']))
  landed.keep()
  const changes = view.openOverlay()
  const correct = (group: string, count: number, value: bigint): void =>
    changes.correct('default', nowMs * 1_000, { meter: 'm', version: 1, group: [group], count, value })
  correct('false', -1, -3n)
  correct('true', 1, 3n)
  t.match(read(view), { false: [1, 4n], true: [1, 3n] })
  correct('false', -1, -4n)
  t.strictSame(Object.keys(read(view)), ['true'], 'a group without events is not shown')
  changes.drop()
  t.match(read(view), { false: [2, 7n] })
  t.end()
})

t.test('a view that is loaded has what had landed and what lands meanwhile, once each', (t) => {
  const { view } = createView()
  const before = view.openOverlay()
  before.add('default', nowMs * 1_000, reading(1n))
  before.keep()
  const open = view.openOverlay()
  open.add('default', nowMs * 1_000, reading(2n))
  const superseded = view.reload()
  const reload = view.reload()
  open.keep()
  t.strictSame(read(view), { '': [2, 3n, 1n, 2n] }, 'what was there stays until all is loaded')
  const { revision } = view.changes('default', 'm', 0, 0)
  reload.add('default', reading(null), second, { count: 5, sum: 50n, min: 10n, max: 10n })
  reload.add('default', reading(null), second - liveSeconds, { count: 5, sum: 50n, min: 10n, max: 10n })
  superseded.finish()
  reload.finish()
  t.strictSame(read(view), { '': [6, 52n, 2n, 10n] })
  t.equal(view.cells(), 1)
  t.equal(view.changes('default', 'm', 0, revision).seconds.length, 1, 'and is told')
  t.end()
})
