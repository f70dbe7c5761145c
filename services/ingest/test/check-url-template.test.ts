import t from 'tap'
import { checkUrlTemplate } from '../src/check-url-template.ts'

t.test('macros may stand in path, query and fragment', async (t) => {
  for (const url of [
    'https://partner.example/{a}/{b.c}?x={d}&y={e}#{f}',
    'http://127.0.0.1:8080/{a}',
    'http://[::1]:8080?{a}',
    'HTTPS://partner.example',
    'https://partner.example/with%20escape/{å}',
    'https://partner.example/mail@host/{a}',
  ]) {
    t.equal(checkUrlTemplate(url), undefined, url)
  }
})

t.test('data cannot decide who is called', async (t) => {
  for (const url of [
    'https://{host}/a',
    'https://partner.{tld}/a',
    'https://partner.example:{port}/a',
    '{scheme}://partner.example/a',
    'https://{a}@partner.example/',
    '{url}',
    '//{host}/a',
  ]) {
    t.ok(checkUrlTemplate(url), url)
  }
})

t.test('addresses that parsers read differently, or that carry credentials, are refused', async (t) => {
  for (const url of [
    'https://user:password@partner.example/',
    'https://user@partner.example/',
    'https://partner.example\\@other.example/',
    'https:\\\\partner.example/',
    'https://partner.example/a b',
    'https://part\tner.example/',
    'https://partner.example/\u0000',
    ' https://partner.example/',
    'ftp://partner.example/',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://',
    'https:///path',
    'https://partner.example:99999/',
    'https://[::1/',
    'partner.example/a',
    '/relative',
    '',
    `https://partner.example/${'a'.repeat(10_000)}`,
  ]) {
    t.ok(checkUrlTemplate(url), url.slice(0, 60))
  }
})
