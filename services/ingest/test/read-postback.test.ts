import type { Fault } from '@millrace/service-kit/errors'
import t from 'tap'
import { type Postback, readPostback } from '../src/read-postback.ts'

const endpoint = { method: 'POST', url: 'https://partner.example/{path}' }
const read = (body: unknown): Postback =>
  readPostback(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))

function faults(body: unknown): string[] {
  try {
    read(body)
    return []
  } catch (error) {
    return (error as { faults: readonly Fault[] }).faults.map(({ pointer }) => pointer)
  }
}

t.test('the postback of the contract is read', async (t) => {
  const postback = read({
    endpoint: {
      method: 'GET',
      url: 'http://sample-domain.example/data?title={mascot}&image={location}&foo={bar}',
    },
    data: [{ mascot: 'Gopher', location: 'https://blog.example/gopher.png' }],
    defaults: { bar: '' },
  })
  t.match(postback.request, { method: 'GET', headers: {}, body: undefined, defaults: { bar: '' } })
  t.same(postback.retry, { preset: 'webhook', delaysMs: [], only5xx: false })
  t.same(postback.data.map(String), ['{"mascot":"Gopher","location":"https://blog.example/gopher.png"}'])
})

t.test('data objects keep their digits', async (t) => {
  const objects = ['{"amount":12345678901234567890.10}', '{ "a" : -0.0 }']
  const postback = read(`{"data" : [ ${objects.join(' , ')} ],"endpoint":${JSON.stringify(endpoint)}}`)
  t.same(postback.data.map(String), objects)
})

t.test('a body that nests too deep is refused, not recursed into', async (t) => {
  const nested = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`
  const body = (object: string): string => `{"endpoint":${JSON.stringify(endpoint)},"data":[${object}]}`
  t.equal(read(body(nested(90))).data.length, 1)
  for (const levels of [128, 3_000, 100_000]) t.same(faults(body(nested(levels))), [''])
})

t.test('retry is a preset or a list of delays', async (t) => {
  const retry = (value: unknown): unknown => read({ endpoint, data: [{}], retry: value }).retry
  t.same(retry('5xx-only'), { preset: '5xx-only', delaysMs: [], only5xx: true })
  t.same(retry({ delaysMs: [1000, 2000] }), { preset: '', delaysMs: [1000, 2000], only5xx: false })
  t.same(retry({ delaysMs: [] }), { preset: '', delaysMs: [], only5xx: false })
  for (const wrong of ['never', { delaysMs: [-1] }, { delaysMs: [0.5] }, { delaysMs: 'x' }, {}, 5]) {
    const found = faults({ endpoint, data: [{}], retry: wrong })
    t.ok(found.length > 0 && found.every((pointer) => pointer.startsWith('/retry')), JSON.stringify(wrong))
  }
})

t.test('faults are named by where they are', async (t) => {
  const valid = { endpoint, data: [{}] }
  const table: readonly (readonly [body: unknown, ...pointers: string[]])[] = [
    [{}, '/endpoint', '/data'],
    [[], ''],
    ['null', ''],
    [{ ...valid, extra: 1 }, ''],
    [{ ...valid, data: [] }, '/data'],
    [{ ...valid, data: Array(1_001).fill({}) }, '/data'],
    [{ ...valid, data: {} }, '/data'],
    [{ ...valid, data: [1, {}, [], null] }, '/data/0', '/data/2', '/data/3'],
    [{ ...valid, defaults: { a: 1 } }, '/defaults/a'],
    [{ endpoint: { method: 'BREW', url: 'no' } }, '/data', '/endpoint/method', '/endpoint/url'],
    [{ ...valid, endpoint: { ...endpoint, method: 'TRACE' } }, '/endpoint/method'],
    [{ ...valid, endpoint: { ...endpoint, method: 'get' } }, '/endpoint/method'],
    [{ ...valid, endpoint: { ...endpoint, url: '' } }, '/endpoint/url'],
    [{ ...valid, endpoint: { ...endpoint, url: 'ftp://a.example/' } }, '/endpoint/url'],
    [{ ...valid, endpoint: { ...endpoint, headers: { Host: 'a', 'X-Ok': 'b' } } }, '/endpoint/headers/Host'],
    [{ ...valid, endpoint: { ...endpoint, headers: { a: 'x\r\ny' } } }, '/endpoint/headers/a'],
    [{ ...valid, endpoint: { ...endpoint, headers: { 'a b': 'x' } } }, '/endpoint/headers/a b'],
    [{ ...valid, endpoint: { ...endpoint, headers: { a: 'x', A: 'y' } } }, '/endpoint/headers/A'],
    [{ ...valid, endpoint: { ...endpoint, headers: { 'Webhook-Id': 'x' } } }, '/endpoint/headers/Webhook-Id'],
    [{ ...valid, endpoint: { ...endpoint, method: 'GET', body: '{a}' } }, '/endpoint/body'],
  ]
  for (const [body, ...pointers] of table) t.same(faults(body), pointers, JSON.stringify(body).slice(0, 120))
})

t.test('what is not JSON is refused', async (t) => {
  t.throws(() => read('{"endpoint"'), { code: 'invalid-request' })
  t.throws(() => readPostback(Buffer.from([0x7b, 0xff])), { code: 'invalid-request' })
})
