import { ServiceError } from '@millrace/service-kit/errors'
import t from 'tap'
import { createAnnouncedWrites } from '../src/announced-writes.ts'
import { createBoundedCache } from '../src/bounded-cache.ts'
import { type CacheEntry, createReportCache } from '../src/report-cache.ts'

const meter = { tenant: 'default', meter: 'visits', version: 1 }
const range = { ...meter, fromMinute: 5, toMinute: 6 }

function start({ maxStaleMs = 60_000 } = {}) {
  const clock = { ms: 1_000_000 }
  const told = { throughUs: 10 }
  const writes = createAnnouncedWrites(() => clock.ms)
  const tell = (rest: object = {}): void =>
    writes.apply('a', {
      instance: 'i',
      partitions: 1,
      landed: [{ partition: 0, throughUs: 1 }],
      begun: [],
      over: [],
      ...rest,
    })
  tell()
  const outcomes: string[] = []
  const cache = createReportCache<string>(
    {
      store: createBoundedCache<CacheEntry<string>>(100_000),
      writes,
      dataThrough: () => told.throughUs,
      isUnavailable: (error) => error instanceof ServiceError,
      count: (outcome) => void outcomes.push(outcome),
      nowMs: () => clock.ms,
    },
    { maxStaleMs },
  )
  const request = {
    key: 'k',
    scope: writes.scope(meter, { fromMinute: 0, toMinute: 10 }),
    keepMs: Number.POSITIVE_INFINITY,
    staleAllowed: true,
  }
  let computed = 0
  const compute = async () => {
    computed += 1
    return { value: `v${computed}`, bytes: 10, dataThroughUs: told.throughUs }
  }
  const begin = (number: number): void => tell({ begun: [{ number, ranges: [range] }] })
  const over = (number: number): void => tell({ over: [number] })
  const read = (more: object = {}) => cache.read({ ...request, ...more }, compute)
  return { cache, clock, told, writes, tell, outcomes, request, read, begin, over, count: () => computed }
}

/** A computation that ends when it is told to. */
function held(value: string) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const compute = async () => {
    await promise
    return { value, bytes: 10, dataThroughUs: 10 }
  }
  return { compute, end: resolve }
}

t.test('an answer is given again until its range is written to, with what it includes by then', async (t) => {
  const { read, told, begin, over, outcomes, cache } = start()
  t.same(await read(), { value: 'v1', dataThroughUs: 10, stale: false })
  told.throughUs = 20
  t.same(await read(), { value: 'v1', dataThroughUs: 20, stale: false })
  t.match(cache.peek('k'), { value: 'v1' })
  begin(1)
  t.match(await read(), { value: 'v1' }, 'what is not stored yet need not be seen')
  over(1)
  t.equal(cache.peek('k'), undefined)
  t.match(await read(), { value: 'v2' })
  t.match(await read(), { value: 'v2' })
  begin(2)
  begin(3)
  over(2)
  t.match(await read(), { value: 'v3' }, 'another write is still under way')
  over(3)
  t.match(await read(), { value: 'v4' }, 'what was read meanwhile may lack it')
  t.same(outcomes, ['miss', 'hit', 'hit', 'touched', 'hit', 'touched', 'touched'])
})

t.test(
  'an answer includes no more than the aggregators say by then, also when they take it back',
  async (t) => {
    const { read, told, cache } = start()
    await read()
    told.throughUs = 20
    await read()
    told.throughUs = 5
    t.same(await read(), { value: 'v1', dataThroughUs: 5, stale: false })
    t.match(cache.peek('k'), { dataThroughUs: 5 })
  },
)

t.test('while a write hangs, perhaps half done, it is asked again four times a second', async (t) => {
  const { read, begin, clock, cache } = start()
  await read()
  clock.ms += 1_000
  t.match(await read(), { value: 'v1' })
  begin(1)
  clock.ms += 250
  t.match(await read(), { value: 'v1' })
  clock.ms += 1
  t.equal(cache.peek('k'), undefined)
  t.match(await read(), { value: 'v2' })
  clock.ms += 200
  t.match(await read(), { value: 'v2' })
  clock.ms += 51
  t.match(await read(), { value: 'v3' })
})

t.test('what is computed anew is told what it was', async (t) => {
  const { cache, request, begin, over } = start()
  const seen: unknown[] = []
  const compute = async (former: string | undefined) => {
    seen.push(former)
    return { value: `v${seen.length}`, bytes: 10, dataThroughUs: 10 }
  }
  await cache.read(request, compute)
  begin(1)
  over(1)
  await cache.read(request, compute)
  t.same(seen, [undefined, 'v1'])
})

t.test('equal reads at once are one', async (t) => {
  const { cache, request, outcomes } = start()
  const first = held('one')
  const reads = [1, 2, 3].map(() => cache.read(request, first.compute))
  first.end()
  t.same(
    (await Promise.all(reads)).map(({ value }) => value),
    ['one', 'one', 'one'],
  )
  t.same(outcomes, ['miss', 'joined', 'joined'])
})

t.test('who asks after a write does not join what was asked before it', async (t) => {
  const { cache, request, begin, over } = start()
  const before = held('before')
  const after = held('after')
  const early = cache.read(request, before.compute)
  begin(1)
  over(1)
  const late = [1, 2].map(() => cache.read(request, after.compute))
  before.end()
  t.match(await early, { value: 'before' })
  t.equal(cache.peek('k'), undefined, 'the early answer is not kept as current')
  after.end()
  for (const { value } of await Promise.all(late)) t.equal(value, 'after')
  t.match(cache.peek('k'), { value: 'after' })
})

t.test('a failure is not kept, and the next in line tries for itself', async (t) => {
  const { cache, request, begin, over, read } = start()
  const { promise, reject } = Promise.withResolvers<never>()
  const early = cache.read(request, () => promise)
  begin(1)
  over(1)
  const late = read()
  reject(new Error('broken'))
  await t.rejects(early, { message: 'broken' })
  t.match(await late, { value: 'v1' })
})

t.test('without every aggregator nothing is answered from memory', async (t) => {
  const { read, writes, tell, outcomes } = start()
  await read()
  writes.lost('a')
  t.match(await read(), { value: 'v2' })
  tell()
  t.match(await read(), { value: 'v3' }, 'nor what was read while nobody was heard')
  t.match(await read(), { value: 'v3' })
  t.same(outcomes, ['miss', 'bypass', 'touched', 'hit'])
})

t.test('an old answer is better than none while ClickHouse is away, and tells its age', async (t) => {
  const { read, told, begin, over, clock, cache, request, outcomes } = start()
  const fail = async (): Promise<never> => {
    throw new ServiceError('unavailable', 'away')
  }
  await t.rejects(cache.read(request, fail), { code: 'unavailable' })
  await read()
  told.throughUs = 20
  await read()
  begin(1)
  over(1)
  told.throughUs = 30
  t.same(await cache.read(request, fail), { value: 'v1', dataThroughUs: 20, stale: true })
  t.equal(outcomes.at(-1), 'stale')
  await t.rejects(cache.read({ ...request, staleAllowed: false }, fail), { code: 'unavailable' })
  await t.rejects(
    cache.read(request, () => Promise.reject(new Error('a fault'))),
    { message: 'a fault' },
    'only absence is bridged',
  )
  clock.ms += 61_000
  await t.rejects(cache.read(request, fail), { code: 'unavailable' }, 'too old')
})

t.test('a report until now grows old by itself, and a passing one is not kept', async (t) => {
  const { read, clock, cache, request } = start()
  await read({ keepMs: 500 })
  clock.ms += 400
  t.match(await read({ keepMs: 500 }), { value: 'v1' })
  clock.ms += 200
  t.match(await read({ keepMs: 500 }), { value: 'v2' })
  const passing = async () => ({ value: 'p', bytes: 1, dataThroughUs: 0, passing: true })
  t.match(await cache.read({ ...request, key: 'other' }, passing), { value: 'p' })
  t.equal(cache.peek('other'), undefined)
})
