import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { type ClickHouseClient, connectClickhouse } from '@millrace/service-kit/clickhouse-client'
import { createLogger } from '@millrace/service-kit/log'
import t, { type Test } from 'tap'
import { createChangedEventsReader } from '../src/changed-events-reader.ts'
import { createCaptureEraser } from '../src/erase-captures.ts'
import { createEraser } from '../src/erase-events.ts'

const name = { tenant: 'default', source: 's', id: 'a' }
const range = { from: 1, to: 2 }

/** One that begins each answer and never ends it. */
async function startStalling(t: Test) {
  const begun = Promise.withResolvers<void>()
  const state = { requests: 0, begun: begun.promise }
  const server = createServer((request, response) => {
    state.requests += 1
    request.resume()
    response.write('{')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clickhouse = connectClickhouse(
    {
      clickhouseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      clickhouseDatabase: 'default',
      clickhouseUser: 'default',
      clickhousePassword: '',
    },
    'test',
    60_000,
  )
  t.teardown(async () => {
    await clickhouse.close()
    server.closeAllConnections()
    server.close()
  })
  const query: ClickHouseClient['query'] = async (question) => {
    const result = await clickhouse.query(question)
    begun.resolve()
    return result
  }
  return { clickhouse: { query } as ClickHouseClient, state }
}

t.test('looking changed events up ends while rows come', async (t) => {
  const { clickhouse, state } = await startStalling(t)
  const lane = new AbortController()
  const reader = createChangedEventsReader(clickhouse)
  const read = reader.read(0, range, [name], lane.signal)
  await state.begun
  await setImmediate()
  lane.abort(new Error('the lane is closed'))
  await t.rejects(read, /the lane is closed/)
})

t.test('nothing is asked for somebody who has given up', async (t) => {
  const { clickhouse, state } = await startStalling(t)
  const given = AbortSignal.abort(new Error('the lane is closed'))
  await t.rejects(createChangedEventsReader(clickhouse).read(0, range, [name], given), /the lane is closed/)
  await t.rejects(createCaptureEraser(clickhouse).erase([name], given), /the lane is closed/)
  await t.rejects(createCaptureEraser(clickhouse).eraseLate([{ ...name, type: 't' }], given), /the lane/)
  t.equal(state.requests, 0)
})

t.test('rows of events are left when erasing is given up between two tables', async (t) => {
  const lane = new AbortController()
  const carriedOut: string[] = []
  const answers = [[[1, 0, name.tenant, name.source, name.id]], []]
  const clickhouse = {
    query: async () => ({ json: async () => answers.shift() ?? [[0]], close() {} }),
    async command({ query }: { query: string }) {
      carriedOut.push(query)
      lane.abort(new Error('the lane is closed'))
    },
  } as unknown as ClickHouseClient
  const erase = createEraser(clickhouse, createLogger('test', 'silent'), 60_000)
  await t.rejects(erase(0, range, lane.signal), /the lane is closed/)
  t.equal(carriedOut.length, 1)
})
