import t from 'tap'
import { checkNames } from '../src/check-names.ts'

t.test('names may repeat from object to object, and as values', (t) => {
  for (const json of [
    '{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}],"d":"a","e":"b","":[["a","a"]]}',
    '[]',
    '"a"',
    '7',
    '{"a":":","b":"{\\"b\\":1","c":"\\\\"}',
    '{"constructor":{"prototype":1},"toString":1,"hasOwnProperty":{"__proto":1}}',
    '{"a" : "__proto__" , "b" :\n["__proto__"]}',
  ]) {
    t.equal(checkNames(Buffer.from(json)), undefined, json)
  }
  t.end()
})

t.test('a name twice in an object is told with where it is', (t) => {
  for (const [json, pointer] of [
    ['{"a":1,"a":2}', '/a'],
    ['{"a":1,"\\u0061":2}', '/a'],
    ['{"x":[0,{"b":{"a~/":1,"c":[],"a~/" : {}}}]}', '/x/1/b/a~0~1'],
    ['[{"a":1},{"a":1,"b":[1,2,3],"a":1}]', '/1/a'],
    ['{"":1,"":2}', '/'],
  ] as const) {
    t.match(checkNames(Buffer.from(json)), { pointer, detail: /more than once/ }, json)
  }
  t.end()
})

t.test('the name __proto__ is told, however it is spelled', (t) => {
  for (const [json, pointer] of [
    ['{"__proto__":1}', '/__proto__'],
    ['{"a":[{"_\\u005fproto__":{}}]}', '/a/0/__proto__'],
  ] as const) {
    t.match(checkNames(Buffer.from(json)), { pointer, detail: /no member may have/ }, json)
  }
  t.end()
})
