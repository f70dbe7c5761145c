import t from 'tap'
import { firstDraft, previewUrl, toRequest } from '../../console/src/postbacks/postback-request.ts'

const draft = {
  ...firstDraft,
  url: 'https://partner.example/{order.id}?t={title}&x={missing}',
  defaults: '{"missing": "a b"}',
}

t.test('numbers reach ingest with the digits that they were typed with', async (t) => {
  const request = toRequest({
    ...draft,
    method: 'POST',
    data: '{"amount": 1.10, "id": 12345678901234567890}',
  })
  t.match(request, { body: /"data":\[\{"amount": 1\.10, "id": 12345678901234567890\}\]/ })
})

t.test('headers, a body template and a list of data are passed on', async (t) => {
  const request = toRequest({
    ...draft,
    method: 'POST',
    headers: 'x-team: eu\n\nx-url: https://a.example:1/',
    body: '{"id": "{order.id}"}',
    data: '[{"a": 1}, {"a": 2}]',
  })
  t.match(JSON.parse((request as { body: string }).body), {
    endpoint: { headers: { 'x-team': 'eu', 'x-url': 'https://a.example:1/' }, body: '{"id": "{order.id}"}' },
    data: [{ a: 1 }, { a: 2 }],
    retry: 'webhook',
  })
})

t.test('every fault is told at once, at its field', async (t) => {
  const { faults } = toRequest({ ...draft, url: ' ', data: '3', defaults: '[]', headers: 'nothing' }) as {
    faults: object
  }
  t.same(Object.keys(faults).sort(), ['data', 'defaults', 'headers', 'url'])
})

t.test('the preview fills macros in as the service does', async (t) => {
  const data = '{"order": {"id": "7/8"}, "title": "Ün!"}'
  t.equal(previewUrl({ ...draft, data }), 'https://partner.example/7%2F8?t=%C3%9Cn%21&x=a%20b')
  t.equal(previewUrl({ ...draft, data: 'no json' }), undefined)
})
