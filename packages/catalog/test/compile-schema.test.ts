import t from 'tap'
import { compileSchema } from '../src/compile-schema.ts'

t.test('a pattern that backtracking engines never finish is judged', async (t) => {
  const text = `${'a'.repeat(50_000)}!`
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
