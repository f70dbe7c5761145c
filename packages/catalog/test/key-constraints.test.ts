import t from 'tap'
import { allows, matchesPattern, normalizeConstraints, patternsBeyond } from '../src/key-constraints.ts'

t.test('a pattern is exact text in which * stands for any run of characters', async (t) => {
  const cases: readonly [pattern: string, text: string, matches: boolean][] = [
    ['order.paid', 'order.paid', true],
    ['order.paid', 'order.paid2', false],
    ['order.paid', 'Order.paid', false],
    ['order.*', 'order.paid', true],
    ['order.*', 'order.', true],
    ['order.*', 'order', false],
    ['*.paid', 'order.paid', true],
    ['*', '', true],
    ['*', 'anything', true],
    ['a*', '', false],
    ['ward-7/*', 'ward-7/bed-1/x', true],
    ['ward-7/*', 'ward-77/bed-1', false],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'acb', false],
    ['a*bc*cd', 'abcd', false],
    ['a*bc*cd', 'abccd', true],
    ['ab*ba', 'aba', false],
    ['a**b', 'ab', true],
    ['a.b', 'axb', false],
    ['(a+)+$*', '(a+)+$x', true],
  ]
  for (const [pattern, text, matches] of cases) {
    t.equal(matchesPattern(pattern, text), matches, `${pattern} and ${JSON.stringify(text)}`)
  }
})

t.test('a principal is allowed what one pattern of each list matches', async (t) => {
  t.ok(allows({}, 'anything', ''), 'without constraints')
  const ward = { constraints: { eventTypes: ['visit.*', 'care.x-ray'], subjects: ['ward-7/*'] } }
  t.ok(allows(ward, 'visit.recorded', 'ward-7/a'))
  t.ok(allows(ward, 'care.x-ray', 'ward-7/a'))
  t.notOk(allows(ward, 'care.other', 'ward-7/a'))
  t.notOk(allows(ward, 'visit.recorded', 'ward-8/a'))
  t.notOk(allows(ward, 'visit.recorded', ''), 'an event without subject')
})

t.test('constraints that forbid nothing are none', async (t) => {
  t.equal(normalizeConstraints(undefined), undefined)
  t.equal(normalizeConstraints({}), undefined)
  t.equal(normalizeConstraints({ eventTypes: ['*'], subjects: ['a', '**'] }), undefined)
  t.same(normalizeConstraints({ eventTypes: ['a*'], subjects: ['*'] }), { eventTypes: ['a*'] })
})

t.test('patterns reach no further than the ones of who gives them', async (t) => {
  t.same(patternsBeyond(undefined, ['anything']), [])
  t.same(patternsBeyond(['visit.*'], ['visit.a', 'visit.a*', 'visit.*b*']), [])
  t.same(patternsBeyond(['visit.*'], ['visit.a', 'vis*', '*', 'order']), ['vis*', '*', 'order'])
  t.same(patternsBeyond(['a*b'], ['a*', 'a*b', 'ab']), ['a*'])
  t.same(patternsBeyond(['visit.*'], undefined), ['*'], 'no list is everything')
})
