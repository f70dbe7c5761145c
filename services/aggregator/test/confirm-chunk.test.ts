import t from 'tap'
import type { BackfilledMeter } from '../src/backfill-meter.ts'
import { createChunkConfirmation } from '../src/confirm-chunk.ts'

const meter = { tenant: 'default', name: 'm', version: 3 } as BackfilledMeter
const chunk = { chunk: 1, chunks: 2, fromUs: 0, toUs: 1, bucket: 0, buckets: 1, events: 5, landed: false }

function confirmation(landedElsewhere: boolean) {
  let nowMs = 0
  let reads = 0
  const givenUp: Error[] = []
  const store = {
    async read() {
      reads += 1
      const chunks = [
        { ...chunk, chunk: 0, landed: true },
        { ...chunk, landed: landedElsewhere },
      ]
      return new Map([['default/m/3', { marked: new Set<number>(), chunks }]])
    },
  }
  const { signal } = new AbortController()
  const confirm = createChunkConfirmation(
    store,
    meter,
    chunk,
    signal,
    (reason) => givenUp.push(reason),
    () => nowMs,
  )
  const after = async (ms: number): Promise<void> => {
    nowMs += ms
    await confirm()
  }
  return { after, givenUp, reads: () => reads }
}

t.test('an insert that is tried again soon asks nothing', async (t) => {
  const { after, reads } = confirmation(true)
  await after(1_000)
  await after(5_000)
  t.equal(reads(), 0)
})

t.test(
  'whoever was paused for long looks whether the chunk has landed, and goes on when it has not',
  async (t) => {
    const { after, reads, givenUp } = confirmation(false)
    await after(60_000)
    await after(1_000)
    t.equal(reads(), 1)
    t.strictSame(givenUp, [])
  },
)

t.test('a chunk that another instance has landed is given up', async (t) => {
  const { after, givenUp } = confirmation(true)
  await t.rejects(after(60_000), /landed from elsewhere/)
  t.equal(givenUp.length, 1)
})
