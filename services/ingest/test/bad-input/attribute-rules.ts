// The rules of CloudEvents 1.0.2 for a receiver, in the order of its text. `good` and `bad` are values of one attribute
// as JSON; forms that cannot carry a value leave it out.
export interface Rule {
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

export const rules: readonly Rule[] = [
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

/** The least that an event has. */
export const leastEvent = { specversion: '1.0', id: '1', source: '/s', type: 'a' }
export type Attributes = Readonly<Record<string, unknown>>

/** An event with one attribute more, or another one; own members only, whatever they are called. */
export function withAttribute(name: string, value: unknown): Attributes {
  return Object.fromEntries(
    Object.entries(leastEvent)
      .filter(([other]) => other !== name)
      .concat([[name, value as string]]),
  )
}
