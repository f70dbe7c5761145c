import t from 'tap'
import { isNestedTooDeep, maxJsonDepth } from '../src/json-depth.ts'

const nest = (levels: number, inside = ''): string => '['.repeat(levels) + inside + ']'.repeat(levels)
const tooDeep = (json: string): boolean => isNestedTooDeep(Buffer.from(json))

t.test('the limit itself is allowed, one level more is not', async (t) => {
  t.notOk(tooDeep(nest(maxJsonDepth)))
  t.ok(tooDeep(nest(maxJsonDepth + 1)))
  t.notOk(tooDeep(nest(maxJsonDepth - 1, '{"a":1}')))
  t.ok(tooDeep(nest(maxJsonDepth, '{"a":1}')), 'objects count as arrays do')
  t.ok(tooDeep(nest(100_000)), 'deeper than any stack')
})

t.test('what stands side by side is not deep', async (t) => {
  t.notOk(tooDeep(`[${Array(1_000).fill('{"a":[]}').join()}]`))
})

t.test('brackets in strings do not count, whatever is escaped there', async (t) => {
  const brackets = '[{'.repeat(200)
  for (const text of [brackets, `\\"${brackets}`, `\\\\\\"${brackets}`, `"${brackets}\\`]) {
    t.notOk(tooDeep(JSON.stringify({ [text]: text })), text.slice(0, 8))
  }
  t.ok(tooDeep(`["a\\\\",${nest(maxJsonDepth)}]`), 'an escaped backslash does not escape the quote')
})

t.test('bytes that are no JSON end the scan all the same', async (t) => {
  t.notOk(tooDeep(`"${'['.repeat(300)}`))
  t.notOk(tooDeep(`${']'.repeat(300)}"\\`))
})
