import t from 'tap'
import { checkSchema } from '../src/check-schema.ts'
import { compileSchema } from '../src/compile-schema.ts'
import type { Schema } from '../src/walk-schema.ts'

// Some ten seconds of CPU, which a machine with other work has not at once.
t.setTimeout(180_000)

const list = <Item>(length: number, make: (index: number) => Item): Item[] =>
  Array.from({ length }, (_, n) => make(n))
const record = <Value>(
  length: number,
  make: (index: number) => readonly [string, Value],
): Record<string, Value> => Object.fromEntries(list(length, make))
const nest = (levels: number, wrap: (inner: unknown) => unknown, leaf: unknown): unknown =>
  levels === 0 ? leaf : wrap(nest(levels - 1, wrap, leaf))

/** Each definition refers to the next one `width` times. */
const amplified = (levels: number, width: number, keyword = 'allOf'): Schema => ({
  $ref: '#/$defs/l0',
  $defs: {
    ...record(levels, (n) => [`l${n}`, { [keyword]: list(width, () => ({ $ref: `#/$defs/l${n + 1}` })) }]),
    [`l${levels}`]: { type: 'string' },
  },
})

const refused: readonly (readonly [name: string, schema: Schema, pointer: string, detail: RegExp])[] = [
  ['references that multiply', amplified(20, 3), '', /too much at once/],
  ['alternatives that multiply', amplified(12, 4, 'anyOf'), '', /too much at once/],
  ['a reference to itself', { $ref: '#' }, '', /refers to itself/],
  [
    'two that refer to each other',
    {
      $ref: '#/$defs/a',
      $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { not: { $ref: '#/$defs/a' } } },
    },
    '',
    /refers to itself/,
  ],
  [
    'a chain of references',
    {
      $ref: '#/$defs/c0',
      $defs: record(300, (n) => [`c${n}`, n === 299 ? {} : { $ref: `#/$defs/c${n + 1}` }]),
    },
    '',
    /refers to more than 100/,
  ],
  ['too many schemas', { properties: record(501, (n) => [`p${n}`, {}]) }, '', /more than 500 schemas/],
  ['nesting', nest(70, (inner) => ({ not: inner }), true) as Schema, '', /nests deeper/],
  ['size', { enum: list(20_000, (n) => `value-${n}`) }, '', /more than 131072 characters/],
  ['what has to be fetched', { $ref: 'https://elsewhere.example/schema' }, '/$ref', /nothing is fetched/],
  [
    'what has to be fetched, deep down',
    { items: [{ $ref: 'other.json#' }][0] },
    '/items/$ref',
    /nothing is fetched/,
  ],
  ['a file', { $ref: 'file:///etc/passwd' }, '/$ref', /nothing is fetched/],
  ['nothing', { $ref: '#/$defs/none' }, '/$ref', /points to nothing/],
  ['what is no schema', { title: 'x', $ref: '#/title' }, '/$ref', /points to nothing/],
  ['a dynamic reference', { $dynamicRef: '#node' }, '/$dynamicRef', /use \$ref/],
  [
    'a dynamic anchor',
    { $defs: { a: { $dynamicAnchor: 'node' } } },
    '/$defs/a/$dynamicAnchor',
    /use \$anchor/,
  ],
  ['a recursive reference', { $recursiveRef: '#' }, '/$recursiveRef', /older draft/],
  [
    'another base in the middle',
    { $defs: { a: { $id: 'https://a.example/' } } },
    '/$defs/a/$id',
    /root only/,
  ],
  ['another draft', { $schema: 'http://json-schema.org/draft-04/schema#' }, '/$schema', /2020-12/],
  ['waiting', { $async: true }, '/$async', /not supported/],
  ['a lookahead', { pattern: '(?=a)b' }, '/pattern', /lookarounds/],
  ['a back-reference', { items: { pattern: '(a)\\1' } }, '/items/pattern', /back-references/],
  ['repetitions side by side', { pattern: 'a{1000}'.repeat(50) }, '/pattern', /written out/],
  ['repetitions within each other', { pattern: '((a{40}){40}){40}' }, '/pattern', /written out/],
  ['a repeated group', { pattern: `(?:${'abc'.repeat(100)}){900}` }, '/pattern', /written out/],
  ['a long pattern', { pattern: 'a'.repeat(2_001) }, '/pattern', /more than 2000 characters/],
  [
    'many large patterns',
    { properties: record(40, (n) => [`p${n}`, { pattern: `^${n}a{900}$` }]) },
    '',
    /patterns of more than/,
  ],
]

t.test('schemas that could hang or explode are refused, at the place to change', async (t) => {
  for (const [name, schema, pointer, detail] of refused) {
    const [fault] = checkSchema(schema, '/schema')
    t.match(fault, { pointer: `/schema${pointer}`, detail }, name)
  }
})

const allowed: Readonly<Record<string, Schema>> = {
  'references that multiply a little': amplified(3, 8),
  'recursion in two ways': {
    anyOf: [{ type: 'array', items: { $ref: '#' }, minItems: 2 }, { items: { $ref: '#' } }, false],
  },
  'recursion in exactly one way': {
    oneOf: [
      { type: 'array', items: { $ref: '#' } },
      { items: { $ref: '#' }, type: 'array', maxItems: 1 },
      { type: 'number' },
    ],
  },
  'recursion with all members': {
    allOf: list(8, () => ({ additionalProperties: { $ref: '#' }, items: { $ref: '#' } })),
  },
  'unique items': { uniqueItems: true },
  'unique items at every level': {
    uniqueItems: true,
    items: { $ref: '#' },
    additionalProperties: { $ref: '#' },
  },
  'a long enumeration': { items: { enum: list(15_000, (n) => n + 1) } },
  'a long enumeration of objects': { items: { enum: list(3_000, (n) => ({ a: { b: n } })) } },
  'many required names': { items: { required: list(9_000, (n) => `r${n}`) } },
  'many dependent names': { items: { dependentRequired: record(900, (n) => [`k${n}`, [`l${n}`]]) } },
  'something that nothing contains': { contains: { anyOf: list(200, (n) => ({ const: `x${n}` })) } },
  'something that nothing contains at any level': { contains: { $ref: '#' } },
  'references that nothing fits': {
    contains: { anyOf: list(90, (n) => ({ $ref: `#/$defs/d${n}` })) },
    $defs: record(90, (n) => [`d${n}`, { const: `x${n}` }]),
  },
  'members that nothing has looked at': {
    items: { anyOf: list(50, (n) => ({ properties: { [`a${n}`]: true } })), unevaluatedProperties: false },
  },
  'looked-at members that are handed on': {
    $ref: '#/$defs/c0',
    unevaluatedProperties: false,
    $defs: record(90, (n) => [
      `c${n}`,
      n === 89 ? { additionalProperties: { type: 'number' } } : { allOf: [{ $ref: `#/$defs/c${n + 1}` }] },
    ]),
  },
  'a pattern of many states': { pattern: '.*a.{500}$', items: { pattern: '.*a.{500}$' } },
  'an ambiguous pattern': { items: { pattern: '(a?){400}a{400}' }, pattern: '^(a+)+$' },
  'patterns for names': {
    patternProperties: record(100, (n) => [`^.*k${n}.*x`, { type: 'number' }]),
    propertyNames: { pattern: '^([a-z]+)*$' },
  },
  'lengths of text': { items: { minLength: 1, maxLength: 5 }, minLength: 3 },
  formats: { items: { format: 'uri' }, format: 'email' },
  'a wide object': {
    properties: record(450, (n) => [`p${n}`, { type: 'string', minLength: 1 }]),
    items: { $ref: '#' },
  },
  'members that bring schemas': { dependentSchemas: record(400, (n) => [`k${n}`, { required: ['z'] }]) },
  'deep items': nest(60, (items) => ({ items }), { type: 'number' }) as Schema,
}

/** Each about a megabyte of JSON, and within what may nest. */
const data: Readonly<Record<string, unknown>> = {
  zeros: list(450_000, () => 0),
  'empty arrays': list(330_000, () => []),
  'empty objects': list(330_000, () => ({})),
  'deep arrays': list(3_900, () => nest(120, (inner) => [inner], 0)),
  'one deep array': nest(126, (inner) => [inner], 0),
  'two-fold arrays': nest(18, (inner) => [inner, inner], 0),
  'deep objects': list(1_300, () => nest(120, (a) => ({ a }), 0)),
  'a long text': 'a'.repeat(1_000_000),
  'long texts': list(125, () => `http://${'a'.repeat(7_990)}`),
  'short texts': list(160_000, () => 'abc'),
  members: record(80_000, (n) => [`k${n}`, 0]),
  'distinct objects': list(90_000, (a) => ({ a })),
}

/** Times what writing and reading such data takes: the slowest check takes 14, one that multiplies takes thousands. */
const allowedRatio = 100

t.test('all other schemas judge a hostile megabyte in a time that its size explains', async (t) => {
  const baselines = new Map(
    Object.entries(data).map(([name, value]) => [name, timeOf(() => JSON.parse(JSON.stringify(value)))]),
  )
  const slowest = Math.max(...baselines.values())
  for (const [name, schema] of Object.entries(allowed)) {
    t.same(checkSchema(schema, '/schema'), [], `${name} may be used`)
    const check = compileSchema(schema)
    for (const [dataName, value] of Object.entries(data)) {
      const spent = timeOf(() => check(value))
      if (spent > allowedRatio * slowest) t.fail(`${name}: ${dataName} took ${spent} ms`)
    }
  }
})

t.test('what takes too many steps is at fault, each time', async (t) => {
  const check = compileSchema(allowed['recursion in exactly one way'] as Schema)
  const reason = /more steps .* than data of its size may/
  for (let time = 0; time < 3; time += 1) t.match(check(data['deep arrays']), { pointer: '', reason })
  t.equal(check([1, 2]), undefined, 'and other data is judged as before')
})

t.test(
  'a large schema that refers to itself is held against data of a certain depth only, each time the same',
  async (t) => {
    const check = compileSchema(allowed['a wide object'] as Schema)
    t.equal(check(nest(12, (inner) => [inner], 0)), undefined)
    t.match(check(nest(16, (inner) => [inner], 0)), { pointer: '', reason: /deeper than the 13 levels/ })
    const small = compileSchema({ items: { $ref: '#' }, type: ['array', 'number'] })
    t.equal(small(nest(128, (inner) => [inner], 0)), undefined)
  },
)

/** Milliseconds of CPU: what else the machine does does not count. */
function timeOf(work: () => unknown): number {
  const start = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1_000
}
