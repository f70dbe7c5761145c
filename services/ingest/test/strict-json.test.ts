import t from 'tap'
import { isStrictJson, strictValueEnd } from '../src/strict-json.ts'
import { createRandom, mutate, seedOfRun } from './bad-input/random.ts'

function isParsed(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

t.test('it passes what JSON.parse reads, and nothing else', async (t) => {
  const numbers = [
    '0',
    '-0',
    '1',
    '-12.5',
    '1e9',
    '1E+9',
    '1.0e-400',
    '01',
    '-',
    '1.',
    '.5',
    '1e',
    '+1',
    '0x1',
    '1e1.5',
  ]
  const strings = [
    '""',
    '"a"',
    '"\\n\\/\\u00e9\\ud800"',
    '"\\x"',
    '"\\u12g4"',
    '"\\',
    '"a',
    '"\n"',
    '"\u007f ö😀"',
    "'a'",
  ]
  const words = ['true', 'false', 'null', 'tru', 'nul', 'True', 'undefined', 'NaN', '']
  const nested = [
    '[]',
    '[ ]',
    '[1,2]',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[',
    ']',
    '{}',
    '{ }',
    '{"a":1}',
    '{"a":1,"a":2}',
  ]
  const faulty = [
    '{"a":1,}',
    '{"a"}',
    '{a:1}',
    '{"a":}',
    '{"a" : [ { } , [ ] ] }',
    '[}',
    '{"a":1]',
    '1 2',
    '\ufeff1',
    '\u00a01',
  ]
  for (const text of [...numbers, ...strings, ...words, ...nested, ...faulty]) {
    for (const one of [text, ` \t\r\n${text}\n`, `[${text}]`, `{"a":${text}}`]) {
      t.equal(isStrictJson(Buffer.from(one)), isParsed(one), one)
    }
  }
})

t.test('whatever is changed in good text, it says as much as JSON.parse', async (t) => {
  const seed = seedOfRun()
  t.comment(`BAD_INPUT_SEED=${seed}`)
  const random = createRandom(seed)
  const good = Buffer.from('{"a":[1,-2.5e+3,{"b":null,"ö":"\\u00e9\\n\\"x"},[],{}],"c":true, "d" : "text"}')
  for (let round = 0; round < 20_000; round += 1) {
    const text = mutate(good, random)
    // What is not UTF-8 is replaced by JSON.parse's caller.
    const json = Buffer.from(text.toString())
    const deep = json.includes('['.repeat(20))
    if (!deep && isStrictJson(json) !== isParsed(json.toString())) t.fail(json.toString())
  }
  t.pass()
})

t.test('what nests deeper than data may does not pass', async (t) => {
  const nested = (levels: number): Buffer =>
    Buffer.from(`${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`)
  t.equal(strictValueEnd(nested(128), 0), nested(128).length)
  t.equal(strictValueEnd(nested(130), 0), -1)
  t.equal(isStrictJson(Buffer.from(`${'['.repeat(127)}[]${']'.repeat(127)}`)), true)
  t.equal(isStrictJson(Buffer.from(`${'['.repeat(128)}{}${']'.repeat(128)}`)), false)
})
