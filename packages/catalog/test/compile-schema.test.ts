import t from 'tap'
import { compileSchema } from '../src/compile-schema.ts'

t.test('a pattern that backtracking engines never finish is judged', async (t) => {
  const text = `${'a'.repeat(2_000)}!`
  for (const pattern of ['^(a+)+$', '^(a|a?)+$', '^(.*a){20}$']) {
    t.match(compileSchema({ pattern })(text), { pointer: '', reason: /must match pattern/ }, pattern)
  }
  t.match(compileSchema({ patternProperties: { '^(a+)+$': false } })({ aa: 1 }), { reason: /false/ })
})

t.test('patterns mean what JSON Schema says', async (t) => {
  for (const [pattern, fits, differs] of [
    ['^\\d{3}-\\w+$', '123-abc', '12-abc'],
    ['b', 'abc', 'ac'],
    ['^\\p{L}+$', 'Ärö', 'a1'],
    ['^[\\u00e5-\\u00f6]+$', 'öå', 'oa'],
    ['^.$', '😀', '😀😀'],
    ['^(?<year>\\d{4})\\/x$', '2026/x', '26/x'],
  ] as const) {
    const check = compileSchema({ pattern })
    t.equal(check(fits), undefined, pattern)
    t.ok(check(differs), pattern)
  }
})

t.test('items are unique as JSON, whatever the order of their members', async (t) => {
  const check = compileSchema({ uniqueItems: true })
  t.equal(check([1, '1', true, null, [1], { a: 1, b: 2 }, { a: 1 }, [], {}]), undefined)
  t.equal(check('text'), undefined)
  t.equal(compileSchema({ uniqueItems: false })([1, 1]), undefined)
  for (const items of [
    [1, 2, 1],
    [{ a: 1, b: [2] }, 0, { b: [2], a: 1 }],
    [0, 3, -0],
  ]) {
    t.match(check(items), { pointer: '', reason: /items ## 0 and 2 are identical/ })
  }
  t.match(compileSchema({ properties: { a: { uniqueItems: true } } })({ a: [1, 1] }), { pointer: '/a' })
})

t.test('contains counts the items that fit, and says so', async (t) => {
  const check = compileSchema({ contains: { type: 'number' }, minContains: 2, maxContains: 3 })
  t.equal(check(['a', 1, 2]), undefined)
  t.match(check(['a', 1]), { reason: /at least 2/ })
  t.match(check([1, 2, 3, 4]), { reason: /at least 2 and no more than 3/ })
  t.equal(compileSchema({ contains: { const: 1 }, unevaluatedItems: { const: 2 } })([2, 1]), undefined)
  t.match(compileSchema({ allOf: [{ contains: { const: 1 } }, { maxItems: 1 }] })([0, 1]), {
    reason: /more than 1/,
  })
})

t.test('formats are checked; text beyond any use fits none of them', async (t) => {
  const uri = compileSchema({ format: 'uri' })
  t.equal(uri('https://a.example/?q=1'), undefined)
  t.match(uri('no uri'), { reason: /format "uri"/ })
  t.match(uri(`https://a.example/${'a'.repeat(10_000)}`), { reason: /format "uri"/ })
  t.equal(uri(1), undefined)
  t.match(compileSchema({ format: 'int32' })(2 ** 31), { reason: /format "int32"/ })
  t.match(compileSchema({ format: 'date' })('2026-02-30'), { reason: /format "date"/ })
  t.equal(compileSchema({ format: 'of-our-own' })('x'), undefined)
})

t.test('one event’s steps are not the next one’s', async (t) => {
  const check = compileSchema({ items: { type: 'number' } })
  const numbers = Array.from({ length: 50_000 }, () => 1)
  for (let time = 0; time < 20; time += 1) t.equal(check(numbers), undefined)
})
