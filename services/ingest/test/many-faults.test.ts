import t from 'tap'
import { checkEndpoint } from '../src/check-endpoint.ts'
import { readPostback } from '../src/read-postback.ts'
import { readSettlement } from '../src/read-settlement.ts'

/** More than the faults that are looked for: they come before what else is wrong. */
const unknown = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`unknown${index}`, 0]))
const url = 'https://partner.example/hook'
const refused = { code: 'invalid-request' }

t.test('a thousand unknown members hide nothing of an endpoint', async (t) => {
  const auth = { type: 'basic', username: 'a', password: 'b' }
  for (const wrong of [
    { concurrency: -1 },
    { url: 5 },
    { headers: { 'x-team': 5 } },
    { auth: { ...auth, username: 5 } },
  ]) {
    t.not(checkEndpoint({ url, ...unknown, ...wrong }).length, 0, JSON.stringify(wrong))
  }
  t.not(
    checkEndpoint({ url, auth: { ...auth, ...unknown, username: 5 } }).length,
    0,
    'inside its credentials',
  )
  t.not(checkEndpoint({ url, auth: { ...auth, ...unknown }, timeoutMs: 'long' }).length, 0)
})

t.test('nor of a postback', async (t) => {
  const endpoint = { method: 'POST', url }
  const read = (body: object) => () => readPostback(Buffer.from(JSON.stringify(body)))
  for (const wrong of [{ endpoint: { ...endpoint, url: 5 } }, { data: 5 }, { defaults: 5 }, { retry: 5 }]) {
    t.throws(read({ endpoint, data: [{}], ...unknown, ...wrong }), refused, JSON.stringify(wrong))
  }
  t.throws(read({ endpoint: { ...endpoint, ...unknown, headers: 5 }, data: [{}] }), refused)
  t.throws(
    read({ endpoint: { ...endpoint, headers: 5 }, data: Array(1_001).fill(5) }),
    refused,
    'full of others',
  )
})

t.test('nor of a settlement', async (t) => {
  t.throws(() => readSettlement({ reference: 5, ...unknown }, 0), refused)
  t.throws(() => readSettlement({ reference: 'a', settledAt: 5, ...unknown }, 0), refused)
})
