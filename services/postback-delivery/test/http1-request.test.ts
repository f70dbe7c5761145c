import t from 'tap'
import { requestHead } from '../src/http1-request.ts'

const request = {
  method: 'POST',
  path: '/hook?a=b',
  headers: { 'content-type': 'application/json' },
  body: Buffer.from('å'),
}

t.test('a request says how long it is, in bytes', async (t) => {
  t.equal(
    requestHead(request, 'partner.example:8080'),
    'POST /hook?a=b HTTP/1.1\r\nhost: partner.example:8080\r\nconnection: keep-alive\r\n' +
      'content-type: application/json\r\ncontent-length: 2\r\n\r\n',
  )
  t.match(requestHead({ ...request, body: null }, 'a'), /\r\ncontent-length: 0\r\n\r\n$/)
  for (const method of ['GET', 'DELETE'])
    t.notMatch(requestHead({ ...request, method, body: null }, 'a'), /content-length/)
})

t.test('no value ends its line', async (t) => {
  for (const value of ['a\r\nx: y', 'a\nb', 'a\u0000', 'snow ☃'])
    t.throws(() => requestHead({ ...request, headers: { 'webhook-id': value } }, 'a'), { code: 'protocol' })
  for (const path of ['/a b', '/a\r\nx: y', '/☃'])
    t.throws(() => requestHead({ ...request, path }, 'a'), { code: 'protocol' })
  t.doesNotThrow(() => requestHead({ ...request, headers: { x: 'caf\xe9\t' } }, 'a'))
})
