import t from 'tap'
import { scanElements, scanMembers, skipBlanks, skipValue } from '../src/scan-json.ts'

/** What stands at each member and element, as text. */
function members(json: string): Record<string, string> {
  const bytes = Buffer.from(json)
  const found: Record<string, string> = {}
  const start = skipBlanks(bytes, 0)
  scanMembers(bytes, start, (keyStart, keyEnd, valueStart, valueEnd) => {
    found[JSON.parse(bytes.toString('utf8', keyStart, keyEnd)) as string] = bytes.toString(
      'utf8',
      valueStart,
      valueEnd,
    )
  })
  return found
}

function elements(json: string): string[] {
  const bytes = Buffer.from(json)
  const found: string[] = []
  scanElements(bytes, skipBlanks(bytes, 0), (start) => {
    const end = skipValue(bytes, start)
    found.push(bytes.toString('utf8', start, end))
    return end
  })
  return found
}

t.test('values are found as they stand, with the digits that a double would lose', async (t) => {
  t.same(members('{"a":12345678901234567890.123, "b" : 1e400 ,"c":-0.0\n,"d":{"e":[1, 2]},"f":"x"}'), {
    a: '12345678901234567890.123',
    b: '1e400',
    c: '-0.0',
    d: '{"e":[1, 2]}',
    f: '"x"',
  })
})

t.test('quotes, braces and backslashes inside strings do not end anything', async (t) => {
  t.same(members(String.raw`{"a":"}\"]","b\"":{"c":"\\"},"d":["{\\\"", "[" ]}`), {
    a: String.raw`"}\"]"`,
    'b"': String.raw`{"c":"\\"}`,
    d: String.raw`["{\\\"", "[" ]`,
  })
})

t.test('empty objects and arrays, blanks and characters of several bytes are passed', async (t) => {
  t.same(members(' \t{ } '), {})
  t.same(elements('\r\n[ ]'), [])
  t.same(elements('[ {} ,[],"åß€😀" , null,true ]'), ['{}', '[]', '"åß€😀"', 'null', 'true'])
  t.same(members('{"å":"😀","data":{"€":"}"}}'), { å: '"😀"', data: '{"€":"}"}' })
})

t.test('whatever JSON there is, its members and elements parse to what the whole parses to', async (t) => {
  for (let seed = 1; seed <= 500; seed += 1) {
    const random = randomFrom(seed)
    const value = {
      first: randomValue(random, 4),
      data: randomValue(random, 4),
      last: randomValue(random, 2),
    }
    const indent = [undefined, 1, '\t', ' \n'][seed % 4]
    const parsed = Object.entries(members(JSON.stringify(value, null, indent))).map(([key, text]) => [
      key,
      JSON.parse(text),
    ])
    t.same(Object.fromEntries(parsed), value, `seed ${seed}`)
    const list = [value.first, value.data, value.last]
    t.same(
      elements(JSON.stringify(list, null, indent)).map((text) => JSON.parse(text)),
      list,
      `seed ${seed}`,
    )
  }
})

t.test('bytes that are not JSON end the scan, whatever they are', async (t) => {
  for (const text of [
    '{',
    '{"',
    '{"a',
    '{"a"',
    '{"a":',
    '{"a":"\\',
    '{"a":{',
    '{"a":[1,',
    '{,,,,',
    '{"a" 1}',
    '{]',
  ]) {
    t.doesNotThrow(() => scanMembers(Buffer.from(text), 0, () => undefined), text)
  }
})

function randomFrom(seed: number): () => number {
  let state = seed * 2_654_435_761
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) >>> 0
    return state / 2 ** 32
  }
}

function randomValue(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth === 0 ? 4 : 6))
  if (kind === 0) return Math.floor(random() * 1e9) / 1_000
  if (kind === 1) return random() < 0.5
  if (kind === 2) return null
  if (kind === 3) return ['"', '\\', '}{', '[],:', 'å😀', 'plain', '\u0000\n'][Math.floor(random() * 7)]
  const size = Math.floor(random() * 4)
  const inner = Array.from({ length: size }, () => randomValue(random, depth - 1))
  return kind === 4 ? inner : Object.fromEntries(inner.map((value, index) => [`k"${index}`, value]))
}
