import t from 'tap'
import { createTouchedMinutes } from '../src/touched-minutes.ts'
import { createTouches, type TouchedRange, type TouchNews } from '../src/touches.ts'

const minuteUs = 60_000_000
const range: TouchedRange = { tenant: 'a', meter: 'm', version: 1, fromMinute: 5, toMinute: 6 }

t.test('a touch is told before its write begins and over when it has ended', async (t) => {
  const touches = createTouches()
  const steps: (TouchNews | string)[] = []
  t.strictSame(touches.follow((news) => steps.push(news)).underWay, [])
  await touches.during([range], async () => {
    steps.push('write')
    t.strictSame(touches.follow(() => {}).underWay, [{ number: 1, ranges: [range] }], 'for who comes late')
  })
  t.strictSame(steps, [{ begun: { number: 1, ranges: [range] } }, 'write', { over: 1 }])
  await touches.during([], async () => {})
  t.equal(steps.length, 3, 'nothing is told of a write that touches nothing')
})

t.test('a write that was given up may still come: its touch is not over', async (t) => {
  const over = Promise.withResolvers<void>()
  const waits: number[] = []
  const touches = createTouches((ms) => {
    waits.push(ms)
    return over.promise
  })
  await t.rejects(touches.during([range], () => Promise.reject(new Error('given up'))))
  t.equal(touches.follow(() => {}).underWay.length, 1)
  t.strictSame(waits, [600_000], 'as long as an attempt may take')
  const told = new Promise<TouchNews>((resolve) => touches.follow(resolve))
  over.resolve()
  t.strictSame(await told, { over: 1 })
})

t.test('nothing is told to who has stopped', async (t) => {
  const touches = createTouches()
  touches.follow(() => t.fail('told')).stop()
  await touches.during([range], async () => {})
  t.end()
})

t.test('neighbouring minutes of a meter are one range, scattered ones several', (t) => {
  const touched = createTouchedMinutes()
  for (const minute of [59, 60, 58, 600, 57, 602]) touched.add('a', 'm', 3, minute * minuteUs + 7)
  touched.add('a', 'n', 4, 0)
  touched.add('b', 'm', 3, minuteUs - 1)
  t.strictSame(touched.ranges(), [
    { tenant: 'a', meter: 'm', version: 3, fromMinute: 57, toMinute: 61 },
    { tenant: 'a', meter: 'm', version: 3, fromMinute: 600, toMinute: 603 },
    { tenant: 'a', meter: 'n', version: 4, fromMinute: 0, toMinute: 1 },
    { tenant: 'b', meter: 'm', version: 3, fromMinute: 0, toMinute: 1 },
  ])
  t.end()
})

t.test('very scattered minutes are told as one span', (t) => {
  const touched = createTouchedMinutes()
  for (let hour = 0; hour < 1_000; hour += 2) touched.add('a', 'm', 3, hour * 60 * minuteUs)
  t.strictSame(touched.ranges(), [
    { tenant: 'a', meter: 'm', version: 3, fromMinute: 0, toMinute: 998 * 60 + 1 },
  ])
  t.end()
})
