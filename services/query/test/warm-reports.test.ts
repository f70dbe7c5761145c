// The door in front of the framework, on real sockets.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Principal } from '@millrace/catalog/authenticate-key'
import { ServiceError } from '@millrace/service-kit/errors'
import { Registry } from '@millrace/service-kit/metrics'
import t, { type Test } from 'tap'
import type { RenderedAnswer } from '../src/answer-reports.ts'
import { createQueryMetrics } from '../src/metrics.ts'
import { renderReport } from '../src/render-report.ts'
import { createWarmReports, installWarmReports } from '../src/warm-reports.ts'
import { query } from './report-fixtures.ts'

const value = renderReport(
  {
    query,
    generatedAtUs: 0,
    dataThroughUs: 0,
    backfill: { done: true, progress: 1 },
    rows: Array.from({ length: 50 }, () => ({
      windowStartUs: query.fromUs,
      windowEndUs: query.toUs,
      group: [],
      value: '7',
    })),
    nextCursor: undefined,
  },
  'json',
)
const scopes = new Set(['reports:read'] as const)
const principals: Record<string, Principal> = {
  'Bearer all': { tenant: 'default', application: 'a', scopes },
  'Bearer twin': { tenant: 'default', application: 'b', scopes },
  'Bearer ward': { tenant: 'default', application: 'c', scopes, constraints: { subjects: ['ward-7/*'] } },
  'Bearer other': { tenant: 'other', application: 'd', scopes },
  'Bearer slow': { tenant: 'default', application: 'e', scopes, keyId: 'k', rateLimit: { perSecond: 1 } },
}
const address = '/v1/reports/visits?window=hour'

async function start(t: Test) {
  const state = { kept: true, version: query.meter.version, tokens: 2, taken: 0 }
  const warm = createWarmReports({
    reports: {
      peek: (key) =>
        state.kept && key === 'k' ? { value, dataThroughUs: 2_000_000, stale: false } : undefined,
    },
    authenticator: {
      authenticate(authorization) {
        const principal = principals[authorization ?? '']
        if (principal === undefined) throw new ServiceError('unauthenticated', 'no key')
        return principal
      },
    },
    limits: {
      take: ({ keyId }) => {
        if (keyId === undefined) return undefined
        const admitted = state.taken < state.tokens
        if (admitted) state.taken += 1
        return { admitted, quota: 2, windowSeconds: 2, remaining: 0, resetSeconds: 1, retryAfterSeconds: 1 }
      },
      charge: () => undefined,
    },
    catalog: { meter: () => ({ version: state.version }) as never },
    metrics: createQueryMetrics(new Registry()),
  })
  let reader = principals['Bearer all'] as Principal
  const server = createServer((request, response) => {
    const answer = {
      value,
      dataThroughUs: 1,
      stale: false,
      checked: { query } as never,
      key: 'k',
    } satisfies RenderedAnswer
    warm.learn(reader, request, answer, { 'x-request-id': '1', 'cache-control': 'private', etag: value.tag })
    response.end('the long way')
  })
  installWarmReports(server, warm)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const get = (authorization = 'Bearer all', headers: Record<string, string> = {}, path = address) =>
    fetch(url + path, { headers: { authorization, ...headers } })
  const isWarm = async (
    authorization?: string,
    headers?: Record<string, string>,
    path?: string,
  ): Promise<boolean> => (await (await get(authorization, headers, path)).text()) !== 'the long way'
  return { warm, state, get, isWarm, readAs: (key: string) => (reader = principals[key] as Principal) }
}

t.test('an address that was asked for before is answered as it was, stamped anew', async (t) => {
  const { get, isWarm } = await start(t)
  t.notOk(await isWarm())
  const response = await get('Bearer all', { 'x-request-id': 'mine' })
  t.match(await response.json(), {
    dataThrough: '1970-01-01T00:00:02.000Z',
    rows: Array(50).fill({ value: 7 }),
  })
  t.equal(response.headers.get('etag'), value.tag)
  t.equal(response.headers.get('x-request-id'), 'mine')
  t.equal(response.headers.get('cache-control'), 'private', 'what the framework adds to answers')
  const same = await get('Bearer all', { 'if-none-match': value.tag })
  t.equal(same.status, 304)
  t.equal(await same.text(), '')
})

t.test('it comes compressed to who takes it, as the same answer', async (t) => {
  const { get, isWarm } = await start(t)
  await isWarm()
  const plain = await get('Bearer all', { 'accept-encoding': 'identity' })
  const packed = await get('Bearer all', { 'accept-encoding': 'gzip' })
  t.equal(plain.headers.get('content-encoding'), null)
  t.equal(packed.headers.get('content-encoding'), 'gzip')
  t.ok(Number(packed.headers.get('content-length')) < Number(plain.headers.get('content-length')) / 4)
  t.equal(packed.headers.get('etag'), plain.headers.get('etag'))
  const rowsOf = async (response: Response) => ((await response.json()) as { rows: unknown }).rows
  t.same(await rowsOf(packed), await rowsOf(plain))
})

t.test('another key gets it only if it may read the same', async (t) => {
  const { isWarm, readAs } = await start(t)
  await isWarm()
  t.ok(await isWarm('Bearer twin'))
  for (const key of ['Bearer ward', 'Bearer other', 'Bearer unknown']) t.notOk(await isWarm(key), key)
  readAs('Bearer ward')
  await isWarm('Bearer ward')
  t.ok(await isWarm('Bearer ward'))
})

t.test('whatever is not as the last time goes the long way', async (t) => {
  const { isWarm, state, warm } = await start(t)
  await isWarm()
  t.notOk(await isWarm('Bearer all', { accept: 'text/csv' }))
  t.notOk(await isWarm('Bearer all', {}, '/v1/reports/visits?window=day'))
  state.kept = false
  t.notOk(await isWarm(), 'written to')
  state.kept = true
  state.version += 1
  t.notOk(await isWarm(), 'another version of the meter')
  state.version -= 1
  t.ok(await isWarm())
  warm.stop()
  t.notOk(await isWarm(), 'the door closes')
})

t.test('a limit is asked once for each answer', async (t) => {
  const { get, isWarm, state } = await start(t)
  await isWarm()
  const first = await get('Bearer slow')
  t.equal(first.headers.get('ratelimit'), '"key";r=0;t=1')
  t.ok(await isWarm('Bearer slow'))
  t.equal(state.taken, 2)
  t.notOk(await isWarm('Bearer slow'), 'the long way tells of it')
  t.equal(state.taken, 2)
})
