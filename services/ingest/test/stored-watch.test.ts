import t from 'tap'
import { createStoredWatch } from '../src/stored-watch.ts'

/** A watch over offsets that the test moves; `asked` are the partitions of each reading. */
function watchOver(next: Map<number, number>, fail: () => Error | undefined = () => undefined) {
  const asked: number[][] = []
  const errors: unknown[] = []
  const watch = createStoredWatch({
    readNext: async (partitions) => {
      asked.push([...partitions].sort())
      const error = fail()
      if (error !== undefined) throw error
      return next
    },
    onError: (error) => errors.push(error),
    pollMs: 1,
  })
  return { watch, asked, errors }
}

const forever = new AbortController().signal
const reached = (condition: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => void (condition() ? resolve() : setImmediate(look))
    look()
  })

t.test('what is behind the stored offsets is waited for in every partition', async (t) => {
  const next = new Map([
    [0, 5],
    [1, 5],
  ])
  const { watch, asked } = watchOver(next)
  const positions = [
    { partition: 0, offset: 4 },
    { partition: 1, offset: 5 },
  ]
  let stored: boolean | undefined
  const waiting = watch.until(positions, forever).then((it) => {
    stored = it
  })
  await reached(() => asked.length > 2)
  t.equal(stored, undefined)
  t.same(asked[0], [0, 1])
  next.set(1, 6)
  await waiting
  t.equal(stored, true)
})

t.test('nothing is asked while nobody waits, nor for what is known', async (t) => {
  const { watch, asked } = watchOver(new Map([[0, 5]]))
  t.equal(await watch.until([{ partition: 0, offset: 4 }], forever), true)
  const before = asked.length
  t.equal(await watch.until([{ partition: 0, offset: 3 }], forever), true)
  t.equal(await watch.until([], forever), true, 'an empty batch')
  t.equal(asked.length, before)
})

t.test('those who wait share a reading', async (t) => {
  const next = new Map<number, number>()
  const { watch, asked } = watchOver(next)
  const waits = Array.from({ length: 50 }, (_, n) => watch.until([{ partition: n % 2, offset: n }], forever))
  await reached(() => asked.length > 1)
  next.set(0, 100).set(1, 100)
  t.same(new Set(await Promise.all(waits)), new Set([true]))
  t.same(asked[1], [0, 1])
  t.ok(asked.length < 25, `${asked.length} readings`)
})

t.test('a wait that is given up ends at once, and the readings with the last one', async (t) => {
  const { watch, asked } = watchOver(new Map([[0, 0]]))
  const first = new AbortController()
  const waiting = watch.until([{ partition: 0, offset: 9 }], first.signal)
  await reached(() => asked.length > 0)
  first.abort()
  t.equal(await waiting, false)
  t.equal(await watch.until([{ partition: 0, offset: 9 }], AbortSignal.abort()), false)
})

t.test('a reading that fails is told and done again', async (t) => {
  let failures = 3
  const { watch, errors } = watchOver(new Map([[0, 1]]), () => {
    failures -= 1
    return failures >= 0 ? new Error('no broker') : undefined
  })
  t.equal(await watch.until([{ partition: 0, offset: 0 }], forever), true)
  t.equal(errors.length, 3)
})

t.test('an answer from before does not take anything back', async (t) => {
  const next = new Map([[0, 5]])
  const { watch } = watchOver(next)
  t.equal(await watch.until([{ partition: 0, offset: 4 }], forever), true)
  next.set(0, 2)
  next.set(1, 1)
  t.equal(await watch.until([{ partition: 1, offset: 0 }], forever), true)
  t.equal(await watch.until([{ partition: 0, offset: 4 }], AbortSignal.abort()), true)
})
