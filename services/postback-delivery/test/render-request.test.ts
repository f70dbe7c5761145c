import t from 'tap'
import { renderRequest } from '../src/render-request.ts'
import { makeDelivery } from './helper.ts'

const attempt = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  timestampSeconds: 1_700_000_000,
}
const render = (...parts: Parameters<typeof makeDelivery>) => renderRequest(makeDelivery(...parts), attempt)
const bodyOf = (...parts: Parameters<typeof makeDelivery>) => render(...parts).body?.toString()

t.test('methods with a body send the data object as it was given, byte by byte', async (t) => {
  const data = '{ "amount": 1.10, "big": 12345678901234567890 }'
  for (const method of ['POST', 'PUT', 'PATCH']) {
    const request = render({ request: { method }, data })
    t.equal(request.body?.toString(), data, method)
    t.equal(request.headers['content-type'], 'application/json', method)
  }
})

t.test('GET and DELETE send no body, not even a template', async (t) => {
  for (const method of ['GET', 'DELETE']) {
    const request = render({ request: { method, body: 'x' } })
    t.equal(request.body, null, method)
    t.equal(request.headers['content-type'], undefined, method)
  }
})

t.test('other methods are refused', async (t) => {
  for (const method of ['', 'get', 'CONNECT', 'TRACE', 'GET / HTTP/1.1\r\nx:']) {
    t.throws(() => render({ request: { method } }), { name: 'RenderError' }, JSON.stringify(method))
  }
})

t.test(
  'in a JSON template texts are escaped for their quotes, and other values stand by themselves',
  async (t) => {
    const body = '{"title":"{title}","n":{n},"flag":{flag},"list":{list},"none":"{none}","empty":{}}'
    const data = { title: 'a "quoted" \\ line\n{n}', n: 1.5, flag: false, list: [1, 'x'] }
    const rendered = bodyOf({ request: { body }, data })
    t.same(JSON.parse(rendered ?? ''), { ...data, none: '', empty: {} })
  },
)

t.test('in a form template values are encoded as in a query', async (t) => {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' }
  const rendered = bodyOf({ request: { headers, body: 'a={a}&b={b}' }, data: { a: 'x&y=z+w', b: [1] } })
  t.same(Object.fromEntries(new URLSearchParams(rendered)), { a: 'x&y=z+w', b: '[1]' })
})

t.test('in templates of other kinds values stand as they are, once', async (t) => {
  const headers = { 'content-type': 'text/plain' }
  t.equal(bodyOf({ request: { headers, body: 'Hi {a}!' }, data: { a: '{b} <"', b: 'no' } }), 'Hi {b} <"!')
})

t.test('headers of the delivery go along; those of the mesh cannot be replaced', async (t) => {
  const { headers } = render({
    id: 'd-9',
    request: {
      headers: {
        'X-Team': 'eu',
        'User-Agent': 'partner',
        'Webhook-Id': 'forged',
        'webhook-timestamp': '0',
        traceparent: 'forged',
        'Accept-Encoding': 'gzip',
      },
    },
  })
  t.same(headers, {
    'x-team': 'eu',
    'user-agent': 'partner',
    'accept-encoding': 'identity',
    'content-type': 'application/json',
    'webhook-id': 'd-9',
    'webhook-timestamp': '1700000000',
    traceparent: attempt.traceparent,
  })
})

t.test('hop-by-hop and framing headers are dropped', async (t) => {
  const names = [
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'Upgrade',
    'Expect',
    'TE',
    'Trailer',
  ]
  const { headers } = render({ request: { headers: Object.fromEntries(names.map((name) => [name, 'x'])) } })
  for (const name of names) t.notOk(name.toLowerCase() in headers, name)
})

t.test('headers that would end the line are refused', async (t) => {
  for (const [name, value] of [
    ['x-a', 'b\r\nx-c: d'],
    ['x-a\r\nx-c', 'd'],
    ['x a', 'd'],
    ['x-a', '漢'],
  ] as const) {
    t.throws(
      () => render({ request: { headers: { [name]: value } } }),
      { name: 'RenderError' },
      JSON.stringify(name),
    )
  }
})

t.test('data that is not JSON matters only when a macro needs it', async (t) => {
  t.equal(bodyOf({ data: 'not json' }), 'not json')
  t.throws(() => render({ request: { url: 'http://r.example/{a}' }, data: 'not json' }), /not JSON/)
})
