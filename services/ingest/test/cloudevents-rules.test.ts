// The rules of CloudEvents 1.0.2 for a receiver, in the order of its text, each through every form in which an event
// can come. `good` and `bad` are values of one attribute as JSON; forms that cannot carry a value leave it out.
import { type AttributeValue, CloudEvent, type Event } from '@millrace/proto'
import type { Fault } from '@millrace/service-kit/errors'
import t from 'tap'
import { readGrpcEvents } from '../src/grpc-event.ts'
import { readBinaryEvent } from '../src/read-binary-event.ts'
import { readJsonEvents } from '../src/read-json-events.ts'
import { createJsonLines } from '../src/read-json-lines.ts'
import { sampleReception } from './sample-reception.ts'

interface Rule {
  readonly rule: string
  readonly attribute: string
  readonly good?: readonly unknown[]
  readonly bad?: readonly unknown[]
}

const text4096 = 'x'.repeat(4_096)
const controls = ['a\u0000b', '\u0007', 'line\nbreak', '\u001f', 'a\u007f', '\u0080', '\u009f']
const noncharacters = ['\ufdd0', '\ufdef', '\ufffe', '\uffff', '\u{1fffe}', '\u{1ffff}', '\u{10ffff}']
const surrogates = ['\ud800', '\udead', 'a\udc00b', '\udc00\ud800']
const notTexts = [7, true, {}, [], ['a']]

const rules: readonly Rule[] = [
  // spec.md, "Naming Conventions"
  { rule: 'a name consists of a-z and 0-9', attribute: 'comexample1', good: ['a'] },
  { rule: 'a name may be one character long', attribute: 'x', good: ['a'] },
  { rule: 'a name need not start with a letter', attribute: '1st', good: ['a'] },
  { rule: 'a name may exceed 20 characters', attribute: 'a'.repeat(64), good: ['a'] },
  ...['with_line', 'with-dash', 'dotted.name', '__proto__', 'data_base', 'a'.repeat(65), 'å'].map(
    (attribute): Rule => ({ rule: 'a name consists of nothing else', attribute, bad: ['a'] }),
  ),
  // spec.md, "Type System"
  { rule: 'Boolean', attribute: 'flag', good: [true, false] },
  {
    rule: 'Integer: 32 bits with a sign',
    attribute: 'number',
    good: [0, -0, 2_147_483_647, -2_147_483_648],
    bad: [2_147_483_648, -2_147_483_649, 1.5, 1e300],
  },
  {
    rule: 'String: no controls, noncharacters and lone surrogates',
    attribute: 'text',
    good: ['a b', '', 'å', '€ 😀', '\ud83d\ude00', '\u00a0', '\ufffd', 'true', '17', text4096],
    bad: [...controls, ...noncharacters, ...surrogates, `${text4096}x`],
  },
  { rule: 'a value has a type of the type system', attribute: 'typed', bad: [{}, { a: 1 }, [], [1]] },
  // spec.md, "REQUIRED Attributes"
  {
    rule: 'id is a non-empty String',
    attribute: 'id',
    good: ['1', 'a b', 'A234-1234', '😀', text4096],
    bad: ['', ...notTexts, ...controls, ...noncharacters, ...surrogates],
  },
  {
    rule: 'source is a non-empty URI-reference (RFC 3986, section 4.1)',
    attribute: 'source',
    good: [
      'https://github.com/cloudevents',
      'mailto:cncf-wg-serverless@lists.cncf.io',
      'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
      '/cloudevents/spec/pull/123',
      '/sensors/tn-1234567/alerts',
      '1-555-123-4567',
      '//host:8080/path',
      'http://[2001:db8::7]:80/c=GB?objectClass?one#frag/?',
      'http://user:pa%20ss@host',
      'http://host',
      'file:///etc/hosts',
      '?query',
      '#fragment',
      './a:b',
      'a%C3%A5',
      'news:',
    ],
    bad: [
      '',
      'a b',
      'å',
      '%zz',
      '%2',
      'a#b#c',
      '1a:b',
      '://host',
      'http://ho st/',
      'http://[::1',
      'http://host:port/',
      'http://a]b/',
      'a|b',
      '"a"',
      '<a>',
      'a\\b',
      '{a}',
      'a^b',
      ...notTexts,
      ...controls,
      `/${text4096}`,
    ],
  },
  {
    rule: 'specversion is 1.0',
    attribute: 'specversion',
    good: ['1.0'],
    bad: ['', '1', '0.3', '1.0.2', '1.1', ' 1.0', ...notTexts],
  },
  {
    rule: 'type is a non-empty String',
    attribute: 'type',
    good: ['com.github.pull_request.opened', 'a'],
    bad: ['', ...notTexts, ...controls, ...surrogates],
  },
  // spec.md, "OPTIONAL Attributes"
  {
    rule: 'datacontenttype is a media type (RFC 2046)',
    attribute: 'datacontenttype',
    good: [
      'application/json',
      'TEXT/Plain; CharSet=utf-8',
      'a/b;c="d \\" e"',
      'application/vnd.a+json ; v=1',
    ],
    bad: ['json', 'a/', '/b', 'a/b/c', 'a b/c', 'a/b; c', 'a/b; c=', 'a/b; =d', ...notTexts, ...controls],
  },
  {
    rule: 'dataschema is a non-empty URI: absolute, without a fragment (RFC 3986, section 4.3)',
    attribute: 'dataschema',
    good: ['https://schemas.example/order?v=1', 'urn:schema:order', 'a:b', 'x:'],
    bad: [
      '',
      '/relative',
      '//host/path',
      'order',
      'https://schemas.example/order#v1',
      'http://a b',
      ...notTexts,
    ],
  },
  {
    rule: 'subject is a non-empty String',
    attribute: 'subject',
    good: ['mynewfile.jpg', 'partnerid/5:clientid/100', 'a b € 😀'],
    bad: ['', ...notTexts, ...controls, ...noncharacters, ...surrogates],
  },
  {
    rule: 'time is a Timestamp (RFC 3339)',
    attribute: 'time',
    good: [
      '2018-04-05T17:31:00Z',
      '2018-04-05t17:31:00z',
      '2024-02-29T00:00:00.123456789+14:00',
      '2016-12-31T23:59:60Z',
      '2018-04-05T17:31:00-00:00',
    ],
    bad: [
      '',
      'yesterday',
      '2018-04-05',
      '2018-04-05T17:31Z',
      '2018-04-05 17:31:00Z',
      '2018-04-05T17:31:00',
      '2018-02-30T00:00:00Z',
      '2023-02-29T00:00:00Z',
      '2018-13-01T00:00:00Z',
      '2018-04-05T24:00:00Z',
      '2018-04-05T17:60:00Z',
      '2018-04-05T17:31:00+24:00',
      '2018-04-05T17:31:00+0100',
      '2018-04-05T17:31:00.Z',
      '20180405T173100Z',
      '+02018-04-05T17:31:00Z',
      '٢٠١٨-04-05T17:31:00Z',
      '1969-12-31T23:59:59Z',
      '2106-01-01T00:00:00Z',
      ...notTexts,
    ],
  },
]

const sample = { specversion: '1.0', id: '1', source: '/s', type: 'a' }
type Attributes = Readonly<Record<string, unknown>>
const reception = () => sampleReception({ fillIn: false })

/** Own members only, whatever they are called. */
function withAttribute(name: string, value: unknown): Attributes {
  return Object.fromEntries(
    Object.entries(sample)
      .filter(([other]) => other !== name)
      .concat([[name, value as string]]),
  )
}

type Read = (attributes: Attributes) => Event | undefined

/** Each way in which an event comes; undefined when it cannot carry the attributes as they are. */
const forms: Readonly<
  Record<string, { readonly read: Read; readonly carries: (value: unknown, name: string) => boolean }>
> = {
  structured: {
    read: (attributes) => readJsonEvents(Buffer.from(JSON.stringify(attributes)), 'one', reception(), 1)[0],
    carries: () => true,
  },
  batched: {
    read: (attributes) =>
      readJsonEvents(Buffer.from(JSON.stringify([attributes])), 'batch', reception(), 1)[0],
    carries: () => true,
  },
  'in lines': {
    read: (attributes) => {
      const lines = createJsonLines(reception(), 1)
      lines.take(Buffer.from(JSON.stringify(attributes)))
      return lines.end()[0]
    },
    carries: () => true,
  },
  binary: {
    read: (attributes) =>
      readBinaryEvent(
        Object.entries(attributes).flatMap(([name, value]) =>
          name === 'datacontenttype'
            ? ['content-type', value as string]
            : [`ce-${name}`, encodeURIComponent(value as string)],
        ),
        Buffer.alloc(0),
        reception(),
      ),
    // A value is text there, and lone surrogates cannot be UTF-8.
    carries: (value) => typeof value === 'string' && value.isWellFormed(),
  },
  gRPC: {
    read: (attributes) => readGrpcEvents([toProto(attributes)], sampleReception())[0],
    carries: (value, name) => {
      // Neither an object of JavaScript carries the one nor protobuf the other.
      if (name === '__proto__' || (typeof value === 'string' && !value.isWellFormed())) return false
      // Fields have their type, and an empty one is absent.
      if (name in protoNames) return typeof value === 'string' && value !== '' && name !== 'time'
      return typeof value === 'string' || typeof value === 'boolean'
    },
  },
}

const protoNames: Readonly<Record<string, keyof CloudEvent>> = {
  specversion: 'specVersion',
  id: 'id',
  source: 'source',
  type: 'type',
  subject: 'subject',
  datacontenttype: 'dataContentType',
  dataschema: 'dataSchema',
  time: 'time',
}

function toProto(attributes: Attributes): CloudEvent {
  const event = CloudEvent.decode(Buffer.alloc(0))
  for (const [name, value] of Object.entries(attributes)) {
    const field = protoNames[name]
    if (field !== undefined) Object.assign(event, { [field]: value })
    else event.extensions[name] = toAttributeValue(value)
  }
  return CloudEvent.decode(CloudEvent.encode(event).finish())
}

function toAttributeValue(value: unknown): AttributeValue {
  return typeof value === 'boolean'
    ? { value: { $case: 'boolean', value } }
    : { value: { $case: 'text', value: String(value) } }
}

function pointersOf(read: () => unknown): string[] {
  try {
    read()
    return []
  } catch (error) {
    return (error as { faults?: readonly Fault[] }).faults?.map(({ pointer }) => pointer) ?? [String(error)]
  }
}

for (const { rule, attribute, good = [], bad = [] } of rules) {
  t.test(`${attribute.slice(0, 20)}: ${rule}`, async (t) => {
    let tried = 0
    for (const [form, { read, carries }] of Object.entries(forms)) {
      for (const value of good.filter((value) => carries(value, attribute))) {
        tried += 1
        const found = pointersOf(() => read(withAttribute(attribute, value)))
        if (found.length > 0) t.same(found, [], `${form}: ${JSON.stringify(value)?.slice(0, 60)}`)
      }
      for (const value of bad.filter((value) => carries(value, attribute))) {
        tried += 1
        const found = pointersOf(() => read(withAttribute(attribute, value)))
        if (found.length !== 1 || found[0] !== `/${attribute}`)
          t.same(found, [`/${attribute}`], `${form}: ${JSON.stringify(value)?.slice(0, 60)}`)
      }
    }
    t.ok(tried >= 3, `${tried} tries`)
  })
}

t.test('what is required has to be there, and null is not', async (t) => {
  for (const name of Object.keys(sample)) {
    const without = Object.fromEntries(Object.entries(sample).filter(([other]) => other !== name))
    for (const form of ['structured', 'batched', 'in lines', 'binary']) {
      t.same(
        pointersOf(() => forms[form]?.read(without)),
        [`/${name}`],
        `${form} without ${name}`,
      )
    }
    t.same(
      pointersOf(() => forms.structured?.read({ ...sample, [name]: null })),
      [`/${name}`],
    )
  }
})

t.test('an optional attribute that is null is absent (JSON format, section 2.2)', async (t) => {
  const nothing = { subject: null, time: null, datacontenttype: null, dataschema: null, extension: null }
  t.match(forms.structured?.read({ ...sample, ...nothing }), { subject: '', extensions: {} })
})

t.test('each attribute appears at most once', async (t) => {
  const twice = Buffer.from(`{"specversion":"1.0","id":"1","id":"2","source":"/s","type":"a"}`)
  t.same(
    pointersOf(() => readJsonEvents(twice, 'one', reception(), 1)),
    [''],
  )
  const headers = ['ce-specversion', '1.0', 'ce-id', '1', 'CE-ID', '1', 'ce-source', '/s', 'ce-type', 'a']
  t.same(
    pointersOf(() => readBinaryEvent(headers, Buffer.alloc(0), reception())),
    ['/id'],
  )
})

t.test('media types are told apart without regard to case, parameters left away', async (t) => {
  const withData = (datacontenttype: string | undefined, data: unknown): Event | undefined =>
    forms.structured?.read({ ...sample, ...(datacontenttype && { datacontenttype }), data })
  for (const json of [undefined, 'application/json', 'Text/JSON', 'application/vnd.A+Json; charset=utf-8']) {
    t.equal(withData(json, 'text')?.data.toString(), '"text"', `${json} is JSON`)
    t.equal(withData(json, null)?.data.toString(), 'null', 'an explicit null is data')
  }
  for (const other of ['text/plain', 'application/xml', 'application/jsonx', 'application/json-seq']) {
    t.equal(withData(other, 'text')?.data.toString(), 'text', `${other} is not`)
  }
})

t.test('data and data_base64 exclude each other; data_base64 without a media type is not JSON', async (t) => {
  t.same(
    pointersOf(() => forms.structured?.read({ ...sample, data: 1, data_base64: 'AA==' })),
    ['/data_base64'],
  )
  t.equal(
    forms.structured?.read({ ...sample, data_base64: 'eyJhIjoxfQ==' })?.dataContentType,
    'application/octet-stream',
  )
  for (const wrong of ['A', 'AA', 'AA=', '=', 'AA==AA==', '-_-_', 'AAEC\n', 7, {}]) {
    t.same(
      pointersOf(() => forms.structured?.read({ ...sample, data_base64: wrong })),
      ['/data_base64'],
    )
  }
})

// http-protocol-binding.md, section 3.1.3.2
t.test('headers: quotes first, then one round of percent-decoding as UTF-8', async (t) => {
  const read = (value: string) =>
    readBinaryEvent(
      ['ce-specversion', '1.0', 'ce-id', '1', 'ce-source', '/s', 'ce-type', 'a', 'ce-subject', value],
      Buffer.alloc(0),
      reception(),
    ).subject
  for (const [value, subject] of [
    ['Euro%20%E2%82%AC%20%F0%9F%98%80', 'Euro € 😀'],
    ['euro%20%e2%82%ac', 'euro €'],
    ['%41%42', 'AB'],
    ['%2541', '%41'],
    ['with blank', 'with blank'],
    ['"in quotes"', 'in quotes'],
    ['"a \\"b\\" \\\\ c"', 'a "b" \\ c'],
    ['"%22"', '"'],
    ['say "hello"', 'say "hello"'],
    ['(no comment)', '(no comment)'],
  ] as const) {
    t.equal(read(value), subject, value)
  }
  for (const value of [
    '%C0%A0',
    '%E2%28',
    '%ff',
    '100%',
    '%zz',
    '%',
    '%ED%A0%80',
    'å',
    'a\tb',
    '%00',
    '%0A',
    '',
  ]) {
    t.same(
      pointersOf(() => read(value)),
      ['/subject'],
      JSON.stringify(value),
    )
  }
})
