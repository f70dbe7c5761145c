import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { authorization } from '../sample-doors.ts'

/** A request as it goes to the door. */
export interface SentRequest {
  readonly method: 'POST' | 'PUT' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Buffer
}

const event = { specversion: '1.0', id: '1', source: '/shop', type: 'order.paid', subject: 'eu/7' }
const full = {
  ...event,
  time: '2024-02-29T12:00:00.000001Z',
  number: -7,
  flag: true,
  data: { amount: 1.1, list: [1, 'a'] },
}
const binary = {
  'ce-specversion': '1.0',
  'ce-id': '1',
  'ce-source': '/s',
  'ce-type': 'a',
  'ce-subject': 'a%20b',
}
const postback = {
  endpoint: { method: 'POST', url: 'https://partner.example/{a}?b={b}', headers: { 'x-team': 'eu' } },
  data: [{ a: 1, b: { c: 'x' } }, {}],
  defaults: { b: '' },
  retry: { delaysMs: [1_000] },
}

export function send(
  contentType: string,
  body: unknown,
  rest: Partial<Omit<SentRequest, 'payload'>> = {},
): SentRequest {
  const payload =
    typeof body === 'string' || Buffer.isBuffer(body)
      ? Buffer.from(body as string)
      : Buffer.from(JSON.stringify(body))
  return {
    method: rest.method ?? 'POST',
    url: rest.url ?? '/v1/events',
    headers: { authorization, 'content-type': contentType, ...rest.headers },
    payload,
  }
}

const jsonLines = `${JSON.stringify(full)}\n${JSON.stringify({ type: 'b' })}\n`

/** Requests that are accepted, one for each way in. */
export const goodRequests: readonly SentRequest[] = [
  send('application/cloudevents+json', full),
  send('application/cloudevents-batch+json', [
    full,
    { ...event, data_base64: 'AAEC', datacontenttype: 'image/png' },
  ]),
  send('application/json', { type: 'a', data: { path: '/' } }),
  send('application/json', [{ type: 'a' }, { ...full, datacontenttype: 'text/plain', data: 'a' }]),
  send('application/x-ndjson', jsonLines),
  send('application/json', '{"a":1.10}', { headers: binary }),
  send('text/csv', 'a,b', { headers: { ...binary, 'ce-time': '2024-01-01T00:00:00Z', 'ce-myext': '5' } }),
  send('application/x-ndjson', gzipSync(jsonLines), { headers: { 'content-encoding': 'gzip' } }),
  send('application/json', brotliCompressSync(JSON.stringify([full])), {
    headers: { 'content-encoding': 'br' },
  }),
  send('application/json', zstdCompressSync(JSON.stringify([full])), {
    headers: { 'content-encoding': 'zstd' },
  }),
  send('application/json', postback, { url: '/v1/postbacks' }),
  send(
    'application/json',
    {
      eventTypes: ['a'],
      aggregation: 'sum',
      value: '/data/a',
      filter: { all: [{ exact: { source: 's' } }] },
    },
    { method: 'PUT', url: '/v1/meters/m' },
  ),
  send(
    'application/json',
    { schema: { type: 'object', properties: { a: { pattern: '^a+$' } } }, maxAge: 'P1D' },
    { method: 'PUT', url: '/v1/event-types/order.paid' },
  ),
  send(
    'application/json',
    { url: 'https://partner.example/', eventTypes: ['a'] },
    { method: 'PUT', url: '/v1/endpoints/partner' },
  ),
  send('application/json', { unknownEventTypes: 'accept' }, { method: 'PUT', url: '/v1/settings' }),
  send(
    'application/json',
    { reference: 'r', settledAt: '2024-01-01T00:00:00Z' },
    { url: '/v1/events/1/settlement?source=/s' },
  ),
  send('application/json', { application: 'shop', scopes: ['events:write'] }, { url: '/v1/keys' }),
]

/** What is wrong with a request, by itself and inside of a good one. */
export const badRequests: readonly (readonly [what: string, request: SentRequest])[] = [
  ...jsonTexts().map(([what, text]) => [`${what} as JSON`, send('application/json', text)] as const),
  ...jsonTexts().map(
    ([what, text]) => [`${what} as an event`, send('application/cloudevents+json', text)] as const,
  ),
  ...jsonTexts().map(
    ([what, text]) =>
      [
        `${what} as a line`,
        send(
          'application/x-ndjson',
          Buffer.concat([
            Buffer.from(`${JSON.stringify(event)}\n`),
            Buffer.from(text as string),
            Buffer.from(`\n${JSON.stringify(event)}`),
          ]),
        ),
      ] as const,
  ),
  ...jsonTexts().map(
    ([what, text]) =>
      [`${what} as a meter`, send('application/json', text, { method: 'PUT', url: '/v1/meters/m' })] as const,
  ),
  ...jsonTexts().map(
    ([what, text]) =>
      [`${what} as a postback`, send('application/json', text, { url: '/v1/postbacks' })] as const,
  ),
  ['UTF-16', send('application/json', Buffer.from('\ufeff{"type":"a"}', 'utf16le'))],
  ['a charset that JSON does not have', send('application/json; charset=iso-8859-1', { type: 'a' })],
  ['a byte order mark', send('application/json', '\ufeff{"type":"a"}')],
  ['an array where one event is due', send('application/cloudevents+json', [event])],
  ['an object where a batch is due', send('application/cloudevents-batch+json', event)],
  ['a batch of batches', send('application/cloudevents-batch+json', [[event]])],
  ['another media type of CloudEvents', send('application/cloudevents+avro', event, { headers: binary })],
  ['XML', send('application/xml', '<event/>')],
  ['no form that is known', send('multipart/form-data; boundary=x', '--x--')],
  ['a truncated gzip', encoded('gzip', gzipSync(jsonLines).subarray(0, -3))],
  ['a gzip without its end', encoded('gzip', gzipSync(jsonLines).subarray(0, 12))],
  ['a gzip with a wrong sum', encoded('gzip', withByte(gzipSync(jsonLines), -6))],
  [
    'a gzip that something follows',
    encoded('gzip', Buffer.concat([gzipSync(jsonLines), Buffer.from('more')])),
  ],
  ['a truncated br', encoded('br', brotliCompressSync(jsonLines).subarray(0, -3))],
  ['a truncated zstd', encoded('zstd', zstdCompressSync(jsonLines).subarray(0, -3))],
  ['JSON that is called gzip', encoded('gzip', Buffer.from(jsonLines))],
  ['gzip that is called br', encoded('br', gzipSync(jsonLines))],
  ['nothing that is called gzip', encoded('gzip', Buffer.alloc(0))],
  ['a bomb of gzip', encoded('gzip', gzipSync(Buffer.alloc(4_000_000, ' ')))],
  [
    'a bomb of br',
    encoded(
      'br',
      brotliCompressSync(Buffer.alloc(4_000_000, ' '), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    ),
  ],
  ['a bomb of zstd', encoded('zstd', zstdCompressSync(Buffer.alloc(4_000_000, ' ')))],
  ['a bomb of lines', encoded('gzip', gzipSync('{"type":"a"}\n'.repeat(20_000)))],
  ['a bomb in a bomb', encoded('gzip, gzip', gzipSync(gzipSync(Buffer.alloc(4_000_000))))],
  ['an unknown coding', encoded('deflate', Buffer.from(jsonLines))],
  ['too many codings', encoded('gzip, gzip, gzip', Buffer.from(jsonLines))],
  ['a coding called __proto__', encoded('__proto__', Buffer.from(jsonLines))],
  ['a binary event without its id', send('text/csv', 'a', { headers: { ...binary, 'ce-id': '' } })],
  [
    'a header for the media type of data',
    send('text/csv', 'a', { headers: { ...binary, 'ce-datacontenttype': 'a/b' } }),
  ],
  ['an extension called data', send('text/csv', 'a', { headers: { ...binary, 'ce-data': 'a' } })],
  ['an extension called __proto__', send('text/csv', 'a', { headers: { ...binary, 'ce-__proto__': 'a' } })],
  ['a header that is no UTF-8', send('text/csv', 'a', { headers: { ...binary, 'ce-subject': '%ff' } })],
  [
    'a header of 5,000 characters',
    send('text/csv', 'a', { headers: { ...binary, 'ce-subject': 'a'.repeat(5_000) } }),
  ],
  ['binary data that is not the JSON it says', send('application/json', '{', { headers: binary })],
  [
    'a query parameter that is not known',
    send('application/json', { type: 'a' }, { url: '/v1/events?wait=stored&dry=1' }),
  ],
  [
    'a parameter twice',
    send('application/json', { type: 'a' }, { url: '/v1/events?wait=stored&wait=stored' }),
  ],
  [
    'an address that cannot be decoded',
    send('application/json', {}, { method: 'PUT', url: '/v1/meters/%ff' }),
  ],
  [
    'an event that is too large',
    send('application/json', [{ type: 'a' }, { type: 'a', data: 'x'.repeat(5_000) }]),
  ],
  ['too many events', send('application/x-ndjson', '{"type":"a"}\n'.repeat(101))],
]

function jsonTexts(): readonly (readonly [string, string | Buffer])[] {
  return [
    ['a half object', '{"type":"a"'],
    ['a half text', '{"type":"a'],
    ['two values', '{} {}'],
    ['a trailing comma', '{"type":"a",}'],
    ['a comment', '{"type":"a"/**/}'],
    ['single quotes', "{'type':'a'}"],
    ['NaN', 'NaN'],
    ['a number', '17'],
    ['a text', '"type"'],
    ['a NUL', '\0'],
    ['a NUL in a text', '{"type":"a\0b"}'],
    ['an escaped NUL as id', '{"type":"a","id":"\\u0000"}'],
    ['a lone surrogate as id', '{"type":"a","id":"\\ud83d"}'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d])],
    ['an overlong NUL', Buffer.from([0x22, 0xc0, 0x80, 0x22])],
    ['a name twice', '{"type":"a","type":"b"}'],
    ['the name __proto__', '{"type":"a","__proto__":{"tenant":"other"}}'],
    ['the name constructor with an object', '{"type":"a","constructor":{"prototype":{"a":1}}}'],
    ['a deep nesting', `{"type":"a","data":${'['.repeat(3_000)}${']'.repeat(3_000)}}`],
    ['a deep nesting of nothing', `${'['.repeat(4_000)}${']'.repeat(4_000)}`],
    ['a nesting that never ends', '['.repeat(9_000)],
    ['a huge number as an attribute', '{"type":"a","number":1e999}'],
    ['a long number as an attribute', `{"type":"a","number":${'9'.repeat(4_000)}}`],
    ['an integer of 33 bits', '{"type":"a","number":2147483648}'],
    ['a time that never was', '{"type":"a","time":"2023-02-29T00:00:00Z"}'],
  ]
}

function encoded(coding: string, payload: Buffer): SentRequest {
  return send('application/x-ndjson', payload, { headers: { 'content-encoding': coding } })
}

function withByte(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  const index = changed.length + at
  changed[index] = (changed[index] ?? 0) ^ 0xff
  return changed
}
