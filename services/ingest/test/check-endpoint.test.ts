import t from 'tap'
import { checkEndpoint } from '../src/check-endpoint.ts'

const url = 'https://partner.example/hook'
const pointers = (body: unknown): string[] => checkEndpoint(body).map(({ pointer }) => pointer)

t.test('the endpoint of the contract is accepted, and one that says no more than where it is', async (t) => {
  t.same(
    checkEndpoint({
      url,
      method: 'POST',
      eventTypes: ['order.paid'],
      filter: { all: [{ prefix: { subject: 'eu/' } }] },
      headers: { 'x-team': 'eu' },
      retry: 'webhook',
      rateLimit: { perSecond: 50 },
      concurrency: 8,
      timeoutMs: 10_000,
      enabled: true,
    }),
    [],
  )
  t.same(checkEndpoint({ url }), [])
  t.same(checkEndpoint({ url, rateLimit: { perSecond: 0.001 } }), [])
  t.same(checkEndpoint({ url: `${url}/{subject}?id={id}&page={data.path}`, method: 'GET' }), [])
  t.same(checkEndpoint({ url, eventTypes: ['*', 'visit.*', 'a*b'], retry: { delaysMs: [0, 1_000] } }), [])
})

t.test('data does not decide who is called', async (t) => {
  for (const bad of [
    'https://{data.host}/',
    '{scheme}://a.example/',
    'https://a.example:{port}/',
    'ftp://a.example/',
    '/hook',
    '',
  ]) {
    t.same(pointers({ url: bad }), ['/url'], bad)
  }
})

t.test('headers that are the sender’s are refused, by name', async (t) => {
  const headers = { 'x-team': 'eu', 'Content-Length': '1', 'webhook-id': '1', 'x-a': 'b\r\nc', host: 'a' }
  t.same(pointers({ url, headers }), [
    '/headers/Content-Length',
    '/headers/webhook-id',
    '/headers/x-a',
    '/headers/host',
  ])
})

t.test('faults are named by where they are', async (t) => {
  for (const [change, pointer] of [
    [{ url: undefined }, '/url'],
    [{ secret: 'whsec_mine' }, ''],
    [{ secrets: [] }, ''],
    [{ method: 'TRACE' }, '/method'],
    [{ eventTypes: [] }, '/eventTypes'],
    [{ eventTypes: ['a b'] }, '/eventTypes/0'],
    [{ filter: { sql: 'true' } }, '/filter'],
    [{ filter: { any: [{ exact: { Type: 'a' } }] } }, '/filter/any/0/exact/Type'],
    [{ rateLimit: { perSecond: 0 } }, '/rateLimit/perSecond'],
    [{ rateLimit: { perSecond: 0.000_9 } }, '/rateLimit/perSecond'],
    [{ concurrency: 0 }, '/concurrency'],
    [{ concurrency: 1.5 }, '/concurrency'],
    [{ timeoutMs: 99 }, '/timeoutMs'],
    [{ timeoutMs: 60_001 }, '/timeoutMs'],
    [{ enabled: 'yes' }, '/enabled'],
  ] as const) {
    t.same(pointers(JSON.parse(JSON.stringify({ url, ...change }))), [pointer], JSON.stringify(change))
  }
  t.match(pointers({ url, retry: 'often' }), ['/retry'])
  const several = { url: 'ftp://{host}/', method: 'BREW', headers: { connection: 'x' }, filter: 1 }
  t.same(pointers(several).sort(), ['/filter', '/headers/connection', '/method', '/url'])
  t.match(pointers({ url, retry: { delaysMs: [-1] } })[0], /^\/retry/)
  for (const body of [null, [], 'text', 1]) t.same(pointers(body), [''])
})
