import type { LiveUpdate } from '@millrace/proto'
import t, { type Test } from 'tap'
import type { Aggregators } from '../src/aggregators.ts'
import type { StreamListener } from '../src/follow-streams.ts'
import { createLiveHub, type LivePush, type LiveSubscriber } from '../src/live-hub.ts'

const start = 1_700_000_000

/** Time that goes on when it is told to, task by task. */
function createClock(startMs: number) {
  let nowMs = startMs
  const tasks = new Set<{ everyMs: number; dueMs: number; run: () => void }>()
  const every = (everyMs: number, run: () => void) => {
    const task = { everyMs, dueMs: nowMs + everyMs, run }
    tasks.add(task)
    return () => {
      tasks.delete(task)
    }
  }
  return {
    now: () => nowMs,
    every,
    after: (afterMs: number, run: () => void) => {
      const stop = every(afterMs, () => {
        stop()
        run()
      })
      return stop
    },
    advance: (ms: number) => {
      const endMs = nowMs + ms
      for (;;) {
        const next = [...tasks].sort((a, b) => a.dueMs - b.dueMs)[0]
        if (next === undefined || next.dueMs > endMs) break
        nowMs = next.dueMs
        next.dueMs += next.everyMs
        next.run()
      }
      nowMs = endMs
    },
  }
}

/** Time and aggregators in the test's hands. */
function setUp(t: Test, groupBy: Record<string, string> = { page: '/data/path' }) {
  const clock = createClock((start + 10) * 1_000)
  const listeners: StreamListener<LiveUpdate>[] = []
  let streams = 0
  const aggregators: Aggregators = {
    follow(_open, listener) {
      listeners.push(listener as unknown as StreamListener<LiveUpdate>)
      streams += 1
      return () => {
        streams -= 1
      }
    },
    count: () => 1,
    stop: () => {},
  }
  let version: number | undefined = 1
  const entry = () => ({
    tenant: 'default',
    kind: 'meter' as const,
    name: 'visits',
    version: version ?? 0,
    body: { eventTypes: ['visit.recorded'], aggregation: 'count' as const, groupBy },
    updatedAt: '',
    updatedBy: '',
  })
  const hub = createLiveHub(
    {
      catalog: {
        meter: (_tenant, name) => (name === 'visits' && version !== undefined ? entry() : undefined),
      },
      aggregators,
      nowMs: clock.now,
      every: clock.every,
      after: clock.after,
    },
    { livePushMs: 250 },
  )
  t.teardown(() => hub.stop())
  return {
    hub,
    clock,
    streams: () => streams,
    setVersion: (changed: number | undefined) => {
      version = changed
    },
    tell: (
      seconds: Record<number, number>,
      options: { address?: string; instance?: string; snapshot?: boolean } = {},
    ) =>
      listeners.at(-1)?.message(options.address ?? 'a:1', {
        instance: options.instance ?? 'one',
        asOfUs: clock.now() * 1_000,
        snapshot: options.snapshot ?? false,
        seconds: Object.entries(seconds).map(([second, count]) => ({
          second: start + Number(second),
          groups: [{ values: ['/x'], count, sum: '', min: '', max: '' }],
        })),
      }),
    lose: (address = 'a:1') => listeners.at(-1)?.lost(address),
  }
}

function createReader() {
  const pushes: LivePush[] = []
  const state = { ready: true, ended: false }
  const subscriber: LiveSubscriber = {
    isReady: () => state.ready,
    send: (push) => {
      pushes.push(push)
    },
    end: () => {
      state.ended = true
    },
  }
  return { pushes, state, subscriber }
}

const shown = (push: LivePush | undefined) =>
  (push?.reset ? push.all : push?.changed)?.map(({ second, total }) => [second - start, total.count])

t.test('the first push is complete, the next ones hold what changed', async (t) => {
  const { hub, clock, tell } = setUp(t)
  const reader = createReader()
  hub.subscribe({ tenant: 'default' }, 'visits', 300, reader.subscriber)
  tell({ 1: 5, 2: 6 }, { snapshot: true })
  clock.advance(250)
  tell({ 2: 7 })
  clock.advance(250)
  t.same(
    reader.pushes.map(({ reset }) => reset),
    [true, false],
  )
  t.same(shown(reader.pushes[0]), [
    [1, 5],
    [2, 6],
  ])
  t.same(shown(reader.pushes[1]), [[2, 7]])
})

t.test('what is heard is pushed at once, but not sooner than allowed after the last push', async (t) => {
  const { hub, clock, tell } = setUp(t)
  const reader = createReader()
  hub.subscribe({ tenant: 'default' }, 'visits', 300, reader.subscriber)
  tell({ 1: 1 }, { snapshot: true })
  clock.advance(610)
  t.equal(reader.pushes.length, 1)
  tell({ 2: 1 })
  clock.advance(0)
  t.same(shown(reader.pushes[1]), [[2, 1]], 'the last push was long ago')
  tell({ 3: 1 })
  clock.advance(200)
  tell({ 3: 2 })
  clock.advance(49)
  t.equal(reader.pushes.length, 2)
  clock.advance(1)
  t.same(shown(reader.pushes[2]), [[3, 2]], 'what came meanwhile goes together')
})

t.test('a new feed waits a moment for an aggregator, but not for ever', async (t) => {
  const { hub, clock } = setUp(t)
  const reader = createReader()
  hub.subscribe({ tenant: 'default' }, 'visits', 300, reader.subscriber)
  clock.advance(750)
  t.equal(reader.pushes.length, 0)
  clock.advance(500)
  t.match(reader.pushes[0], { reset: true, sources: 0 })
})

t.test('all subscribers of a meter share one stream, which ends with the last of them', async (t) => {
  const { hub, clock, streams } = setUp(t)
  const leaves = [1, 2, 3].map(() =>
    hub.subscribe({ tenant: 'default' }, 'visits', 300, createReader().subscriber),
  )
  t.equal(streams(), 1)
  t.equal(hub.subscribers(), 3)
  for (const leave of leaves) leave()
  t.equal(streams(), 1, 'who was cut off comes back to it')
  clock.advance(10_250)
  t.equal(streams(), 0)
  t.equal(hub.feeds(), 0)
})

t.test('what is pushed to many is one object, so that it is written once', async (t) => {
  const { hub, clock, tell } = setUp(t)
  const readers = [createReader(), createReader()]
  for (const { subscriber } of readers) hub.subscribe({ tenant: 'default' }, 'visits', 300, subscriber)
  tell({ 1: 1 }, { snapshot: true })
  clock.advance(250)
  tell({ 2: 1 })
  clock.advance(250)
  t.equal(readers[0]?.pushes[0], readers[1]?.pushes[0])
  t.equal(readers[0]?.pushes[1], readers[1]?.pushes[1])
})

t.test('a slow reader is left behind, then gets what it missed at once', async (t) => {
  const { hub, clock, tell } = setUp(t)
  const slow = createReader()
  const quick = createReader()
  hub.subscribe({ tenant: 'default' }, 'visits', 300, slow.subscriber)
  hub.subscribe({ tenant: 'default' }, 'visits', 300, quick.subscriber)
  tell({ 1: 1 }, { snapshot: true })
  clock.advance(250)
  slow.state.ready = false
  for (let second = 2; second < 8; second += 1) {
    tell({ [second]: 1 })
    clock.advance(250)
  }
  t.equal(slow.pushes.length, 1, 'nothing is kept for it meanwhile')
  t.equal(quick.pushes.length, 7)
  slow.state.ready = true
  clock.advance(250)
  t.equal(slow.pushes.length, 2)
  t.equal(slow.pushes[1]?.reset, false)
  t.equal(shown(slow.pushes[1])?.length, 6)
  slow.state.ready = false
  for (let turn = 0; turn < 160; turn += 1) {
    tell({ 8: turn })
    clock.advance(250)
  }
  slow.state.ready = true
  clock.advance(250)
  t.equal(slow.pushes[2]?.reset, true, 'who missed too much gets everything')
})

t.test('who comes back goes on behind the last push, and begins anew where nobody knows it', async (t) => {
  const { hub, clock, tell } = setUp(t)
  const first = createReader()
  const leave = hub.subscribe({ tenant: 'default' }, 'visits', 300, first.subscriber)
  tell({ 1: 1, 2: 1 }, { snapshot: true })
  clock.advance(250)
  const lastId = first.pushes[0]?.id
  leave()
  tell({ 2: 5 })
  clock.advance(250)
  tell({ 3: 1 })
  clock.advance(250)
  const back = createReader()
  const stranger = createReader()
  hub.subscribe({ tenant: 'default' }, 'visits', 300, back.subscriber, lastId)
  hub.subscribe({ tenant: 'default' }, 'visits', 300, stranger.subscriber, '77-3')
  tell({ 4: 1 })
  clock.advance(250)
  t.equal(back.pushes[0]?.reset, false)
  t.same(shown(back.pushes[0]), [
    [2, 5],
    [3, 1],
    [4, 1],
  ])
  t.equal(stranger.pushes[0]?.reset, true)
})

t.test('keys of the same constraints share what is made for them', async (t) => {
  const { hub, clock, tell } = setUp(t, { caregiver: '/subject' })
  const constraints = { subjects: ['/x'] }
  const readers = [createReader(), createReader()]
  for (const { subscriber } of readers) {
    hub.subscribe({ tenant: 'default', constraints }, 'visits', 300, subscriber)
  }
  tell({ 1: 4 }, { snapshot: true })
  clock.advance(250)
  t.same(shown(readers[0]?.pushes[0]), [[1, 4]])
  t.equal(readers[0]?.pushes[0], readers[1]?.pushes[0])
})

t.test('without events a push a second still tells the time', async (t) => {
  const { hub, clock, tell } = setUp(t)
  const reader = createReader()
  hub.subscribe({ tenant: 'default' }, 'visits', 300, reader.subscriber)
  tell({ 1: 1 }, { snapshot: true })
  clock.advance(250)
  const before = reader.pushes.length
  clock.advance(3_000)
  t.equal(reader.pushes.length - before, 3)
  t.ok((reader.pushes.at(-1)?.asOfUs ?? 0) > (reader.pushes[0]?.asOfUs ?? 0))
})

t.test('an instance that comes back anew at its address replaces the old one', async (t) => {
  const { hub, clock, tell, lose } = setUp(t)
  const reader = createReader()
  hub.subscribe({ tenant: 'default' }, 'visits', 300, reader.subscriber)
  tell({ 1: 5 }, { snapshot: true })
  clock.advance(250)
  lose()
  clock.advance(1_000)
  t.equal(reader.pushes.at(-1)?.sources, 0)
  t.same(reader.pushes.at(-1)?.all.length, 1, 'a short break does not empty the chart')
  tell({ 1: 5 }, { instance: 'two', snapshot: true })
  clock.advance(250)
  t.same(
    reader.pushes.at(-1)?.all.map(({ total }) => total.count),
    [5],
    'nothing is counted twice',
  )
})

t.test('an instance that stays away is taken out after a while', async (t) => {
  const { hub, clock, tell, lose } = setUp(t)
  const reader = createReader()
  hub.subscribe({ tenant: 'default' }, 'visits', 300, reader.subscriber)
  tell({ 1: 5 }, { snapshot: true })
  tell({ 1: 3 }, { address: 'b:1', instance: 'two', snapshot: true })
  clock.advance(250)
  t.same(
    reader.pushes.at(-1)?.all.map(({ total }) => total.count),
    [8],
  )
  lose()
  clock.advance(10_500)
  t.same(
    reader.pushes.at(-1)?.all.map(({ total }) => total.count),
    [3],
  )
})

t.test('one instance at two addresses counts once', async (t) => {
  const { hub, clock, tell, lose } = setUp(t)
  const reader = createReader()
  hub.subscribe({ tenant: 'default' }, 'visits', 300, reader.subscriber)
  tell({ 1: 5 }, { address: 'a:1', snapshot: true })
  tell({ 1: 5 }, { address: 'b:1', snapshot: true })
  clock.advance(250)
  t.same(
    reader.pushes.at(-1)?.all.map(({ total }) => total.count),
    [5],
  )
  lose('a:1')
  clock.advance(11_000)
  t.same(
    reader.pushes.at(-1)?.all.map(({ total }) => total.count),
    [5],
    'the other address still speaks for it',
  )
})

t.test('readers are sent away when their meter changes or goes', async (t) => {
  const { hub, clock, streams, setVersion } = setUp(t)
  const reader = createReader()
  hub.subscribe({ tenant: 'default' }, 'visits', 300, reader.subscriber)
  setVersion(2)
  clock.advance(250)
  t.equal(reader.state.ended, true)
  t.equal(streams(), 0)
  setVersion(undefined)
  t.throws(() => hub.subscribe({ tenant: 'default' }, 'visits', 300, createReader().subscriber), {
    code: 'not-found',
  } as unknown as Error)
})
