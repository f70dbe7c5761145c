// Live views and freshness, fed by gRPC servers that speak for aggregators.
import type { LiveUpdate } from '@millrace/proto'
import t from 'tap'
import {
  createTables,
  freshConfig,
  logger,
  startAggregatorEdge,
  startService,
  until,
  writeCatalog,
} from './mesh-edge.ts'

const one = await startAggregatorEdge(t)
const two = await startAggregatorEdge(t)
const config = freshConfig({ AGGREGATOR_ADDRESSES: `${one.address},${two.address}`, LOG_LEVEL: logger.level })
const tables = await createTables(t, config)
const visits = { eventTypes: ['visit.recorded'], aggregation: 'count', groupBy: { page: '/data/path' } }
await writeCatalog(config, [
  { kind: 'meter', name: 'visits', body: visits },
  { kind: 'meter', name: 'changing', body: visits },
])
const { service, url, get } = await startService(t, config)
await until(() => service.readiness.isReady())

const second = (ago: number): number => Math.floor(Date.now() / 1_000) - ago

function update(instance: string, at: number, page: string, count: number, snapshot = false): LiveUpdate {
  return {
    instance,
    asOfUs: Date.now() * 1_000,
    snapshot,
    seconds: [{ second: at, groups: [{ values: [page], count, sum: '', min: '', max: '' }] }],
  }
}

interface LiveMessage {
  readonly reset: boolean
  readonly sources: number
  readonly totals: { readonly value: number }
  readonly seconds: readonly { readonly second: string; readonly value: number }[]
  readonly top: readonly { readonly group: { readonly page: string }; readonly value: number }[]
}

/** Reads a live view; `next` waits for a message that passes. */
async function openLive(meter: string, headers: Readonly<Record<string, string>> = {}) {
  const stopping = new AbortController()
  const response = await fetch(`${url}/v1/reports/${meter}/live`, {
    headers: { authorization: `Bearer ${config.rootKey}`, ...headers },
    signal: stopping.signal,
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  let lastId = ''
  const messages: LiveMessage[] = []
  const next = async (passes: (message: LiveMessage) => boolean): Promise<LiveMessage> => {
    for (;;) {
      const index = messages.findIndex(passes)
      if (index >= 0) {
        const found = messages[index]
        messages.splice(0, index + 1)
        if (found !== undefined) return found
      }
      messages.length = 0
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done) throw new Error('the stream has ended')
      text += value
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        lastId = /^id: (.*)$/m.exec(part)?.[1] ?? lastId
        const data = /^data: (.*)$/m.exec(part)?.[1]
        if (data !== undefined) messages.push(JSON.parse(data) as LiveMessage)
      }
    }
  }
  return { response, next, lastId: () => lastId, stop: () => stopping.abort() }
}

t.test('a live view adds up what all aggregators tell, over one stream to each', async (t) => {
  const at = second(3)
  one.sendLive(update('one', at, '/a', 4, true))
  two.sendLive(update('two', at, '/b', 5, true))
  const live = await openLive('visits')
  t.match(live.response.headers.get('content-type'), 'text/event-stream')
  const first = await live.next(({ sources, totals }) => sources === 2 && totals.value === 9)
  t.match(first, {
    top: [
      { group: { page: '/b' }, value: 5 },
      { group: { page: '/a' }, value: 4 },
    ],
  })
  one.sendLive(update('one', at + 1, '/c', 2))
  const changed = await live.next(({ totals }) => totals.value === 11)
  t.equal(changed.reset, false)
  t.match(changed.seconds, [{ second: new Date((at + 1) * 1_000).toISOString(), value: 2 }])
  const others = await Promise.all([openLive('visits'), openLive('visits')])
  for (const other of others) {
    t.match(
      await other.next(() => true),
      { reset: true, totals: { value: 11 } },
      'a late reader begins complete',
    )
  }
  t.equal(one.liveStreams(), 1, 'readers share one stream')
  t.match(one.liveRequests, [{ tenant: 'default', meter: 'visits', seconds: 300 }])
  const metrics = await (await fetch(`http://127.0.0.1:${service.operationsPort}/metrics`)).text()
  t.match(metrics, /millrace_query_live_subscribers\{[^}]*\} 3/)
  for (const reader of [live, ...others]) reader.stop()
})

t.test(
  'a reader that comes back goes on behind its last message, one from elsewhere gets everything',
  async (t) => {
    one.sendLive(update('one', second(5), '/a', 4, true))
    const live = await openLive('visits')
    await live.next(({ totals }) => totals.value >= 4)
    live.stop()
    one.sendLive(update('one', second(2), '/b', 9))
    const back = await openLive('visits', { 'last-event-id': live.lastId() })
    const first = await back.next(() => true)
    t.equal(first.reset, false)
    if (!first.seconds.some(({ value }) => value === 9)) {
      await back.next(({ seconds }) => seconds.some(({ value }) => value === 9))
    }
    back.stop()
    const stranger = await openLive('visits', { 'last-event-id': '123-45' })
    t.equal((await stranger.next(() => true)).reset, true)
    stranger.stop()
  },
)

t.test('an aggregator that is replaced is not counted twice', async (t) => {
  const at = second(3)
  const port = Number(one.address.split(':')[1])
  one.sendLive(update('one', at, '/a', 4, true))
  two.sendLive(update('two', at, '/b', 1, true))
  const live = await openLive('visits')
  await live.next(({ totals }) => totals.value === 5)
  one.stop()
  await live.next(({ sources }) => sources === 1)
  const successor = await startAggregatorEdge(t, port)
  successor.sendLive(update('one-b', at, '/a', 4, true))
  const after = await live.next(({ sources }) => sources === 2)
  t.equal(after.totals.value, 5)
  live.stop()
})

t.test('readers of a meter that changes are sent away, and of one that is unknown refused', async (t) => {
  const live = await openLive('changing')
  await live.next(() => true)
  await writeCatalog(config, [{ kind: 'meter', name: 'changing', version: 2, body: visits }])
  await t.rejects(
    live.next(() => false),
    /ended/,
  )
  t.equal((await get('/v1/reports/unknown/live')).status, 404)
})

t.test('dataThrough is the least that the aggregators have landed of any partition', async (t) => {
  const dataThrough = async () =>
    ((await (await get('/v1/reports/visits')).json()) as { dataThrough: string }).dataThrough
  t.equal(await dataThrough(), '1970-01-01T00:00:00.000Z', 'nothing is known, nothing is promised')
  await tables.command({
    query: `INSERT INTO backfill_chunks (tenant,meter,version,chunk,chunks,landed) VALUES ('default','visits',1,0,1,1)`,
  })
  const insert = (partition: number, receivedAt: string) =>
    tables.command({
      query: `INSERT INTO events (tenant,id,received_at,kafka_partition) VALUES ('default','${receivedAt}','${receivedAt}',${partition})`,
    })
  await insert(0, '2026-01-01 00:00:10')
  t.equal(await dataThrough(), '1970-01-01T00:00:00.000Z', 'nothing is known of the second partition')
  await insert(1, '2026-01-01 00:00:20')
  t.equal(await dataThrough(), '2026-01-01T00:00:10.000Z', 'what ClickHouse holds of each partition')
  const us = Date.UTC(2026, 0, 2) * 1_000
  two.sendProgress({
    instance: 'two',
    partitions: 2,
    landed: [{ partition: 0, throughUs: us + 7 }],
    begun: [],
    over: [],
  })
  two.sendProgress({
    instance: 'two',
    partitions: 2,
    begun: [],
    over: [],
    landed: [
      { partition: 0, throughUs: us + 9 },
      { partition: 1, throughUs: us + 8 },
    ],
  })
  await until(async () => (await dataThrough()) === '2026-01-02T00:00:00.000008Z')
  two.stop()
  t.equal(await dataThrough(), '2026-01-02T00:00:00.000008Z', 'it stands still when the aggregator goes away')
})

t.test('a stop ends open streams at once', async (t) => {
  const live = await openLive('visits')
  await live.next(() => true)
  await service.stop()
  await t.rejects(
    live.next(() => false),
    /ended/,
  )
})
