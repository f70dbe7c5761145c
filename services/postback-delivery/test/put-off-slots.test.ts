import t from 'tap'
import { createPutOffSlots } from '../src/put-off-slots.ts'
import { createThroughput } from '../src/throughput.ts'

t.test('what is put off comes back at the rate that its receiver takes, behind what waits', async (t) => {
  const slots = createPutOffSlots()
  const waits = Array.from({ length: 5 }, () => slots.next(1_000, 20, 10, 0) - 1_000)
  t.same(waits, [2_100, 2_200, 2_300, 2_400, 2_500])
  for (let count = 0; count < 3; count += 1) slots.returned()
  t.equal(slots.next(1_000, 0, 100, 0), 2_000, 'a second at least')
  t.equal(slots.lastMs(), 3_500)
})

t.test(
  'what waits for long is looked at now and then, and what came back elsewhere is forgotten',
  async (t) => {
    const slots = createPutOffSlots()
    const minutes = [0, 1, 2, 3, 4, 5, 100].map((before) => slots.next(0, 1_000_000, 1, before) / 60_000)
    t.same(minutes, [0.5, 2, 5, 15, 30, 30, 30])
    t.equal(slots.next(31 * 60_000, 1, 1, 0), 31 * 60_000 + 2_000)
  },
)

t.test('what a receiver takes is what it has answered in the last two seconds', async (t) => {
  const throughput = createThroughput()
  throughput.busy(0)
  t.equal(throughput.perSecond(0, 10), 500, 'before anything is known it is taken for a fast one')
  for (let nowMs = 10; nowMs <= 4_000; nowMs += 10) throughput.ended(nowMs, 100)
  const seen = throughput.perSecond(4_000, 10)
  t.ok(seen > 85 && seen < 115, `${seen} a second`)
  t.equal(throughput.perSecond(10_000, 10), 0, 'it has stopped')
  throughput.busy(20_000)
  throughput.ended(20_100, 100)
  t.equal(throughput.perSecond(20_100, 10), 500, 'what takes long at first may be this process')
  t.equal(throughput.perSecond(21_000, 10), 1, 'a second tells')
  throughput.busy(30_000)
  throughput.ended(30_005, 5)
  t.equal(throughput.perSecond(30_005, 10), 2_000, 'ten at a time, of 5 ms each')
})
