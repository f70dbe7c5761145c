import type { Event } from '@millrace/proto'
import type { Fault } from '@millrace/service-kit/errors'
import t from 'tap'
import { type JsonLayout, readJsonEvents } from '../src/read-json-events.ts'
import { createJsonLines } from '../src/read-json-lines.ts'
import { receivedAtUs, sampleReception } from './sample-reception.ts'

const valid = '"specversion":"1.0","id":"1","source":"/shop","type":"order.paid"'

type Layout = JsonLayout | 'lines'

/** Lines come in pieces of seven bytes. */
function read(body: string | Buffer, layout: Layout = 'either', fillIn = true, maxEvents = 100): Event[] {
  const bytes = Buffer.from(body as string)
  const reception = sampleReception({ fillIn })
  if (layout !== 'lines') return readJsonEvents(bytes, layout, reception, maxEvents)
  const lines = createJsonLines(reception, maxEvents)
  for (let at = 0; at < bytes.length; at += 7) lines.take(bytes.subarray(at, at + 7))
  return lines.end()
}

/** "index pointer" of each fault. */
function faults(body: string | Buffer, layout: Layout = 'one', fillIn = false): string[] {
  try {
    read(body, layout, fillIn)
    return []
  } catch (error) {
    const { faults: found, message } = error as { faults: readonly Fault[]; message: string }
    return found.length > 0 ? found.map(({ index, pointer }) => `${index} ${pointer}`) : [message]
  }
}

t.test('every attribute of a CloudEvent is kept, extensions with their type', async (t) => {
  const [event] = read(
    `{${valid},"subject":"eu/7","time":"2024-02-29T23:59:60.1234567+01:00","datacontenttype":"application/json",
      "dataschema":"https://schemas.example/order","text":"å","number":-7,"flag":true,"absent":null,"data":{"a": 1}}`,
    'one',
    false,
  )
  t.same(event, {
    tenant: 'default',
    source: '/shop',
    id: '1',
    type: 'order.paid',
    subject: 'eu/7',
    occurredAtUs: Date.UTC(2024, 1, 29, 23, 0, 0) * 1_000 + 123_456,
    receivedAtUs,
    dataContentType: 'application/json',
    dataSchema: 'https://schemas.example/order',
    data: Buffer.from('{"a": 1}'),
    extensions: {
      text: { value: { $case: 'text', value: 'å' } },
      number: { value: { $case: 'integer', value: -7 } },
      flag: { value: { $case: 'boolean', value: true } },
    },
    traceparent: 'trace-of-the-request',
    application: 'web shop',
    backfill: false,
  })
})

t.test('data is passed on as the bytes that were sent', async (t) => {
  for (const data of [
    '12345678901234567890.123',
    '1e400',
    '-0.0',
    '{"amount":0.10,  "big": 9007199254740993}',
    '"text with \\u00e5 and \\" in it"',
    '[1,[2,{"a":"]"}]]',
    'null',
    'false',
  ]) {
    t.equal(read(`{${valid},"data":${data}}`)[0]?.data.toString(), data)
    t.equal(read(`{"data" :\n${data} , ${valid}}`)[0]?.data.toString(), data, 'as the first member')
    t.equal(read(`{${valid},"d\\u0061ta":${data}}`)[0]?.data.toString(), data, 'spelled with an escape')
  }
  t.equal(read(`{${valid},"nested":"data"}`)[0]?.data.length, 0)
})

t.test('text of a media type other than JSON is passed on without its quotes', async (t) => {
  const [event] = read(`{${valid},"datacontenttype":"text/xml","data":"<a>\\n\\u00e5</a>"}`)
  t.equal(event?.data.toString(), '<a>\nå</a>')
  for (const json of ['application/vnd.order+json', 'application/json; charset=utf-8', 'text/json']) {
    t.equal(read(`{${valid},"datacontenttype":"${json}","data":"a"}`)[0]?.data.toString(), '"a"', json)
  }
})

t.test('binary data comes in base64', async (t) => {
  const [event] = read(`{${valid},"data_base64":"AAECgA=="}`)
  t.same(event?.data, Buffer.from([0, 1, 2, 128]))
  t.equal(event?.dataContentType, 'application/octet-stream', 'never taken for JSON')
  const json = Buffer.from('{"a":1}').toString('base64')
  t.equal(
    read(`{${valid},"datacontenttype":"application/json","data_base64":"${json}"}`)[0]?.data.toString(),
    '{"a":1}',
  )
})

t.test('plain JSON gets id, time, source and specversion', async (t) => {
  const [first, second] = read(
    '[{"type":"a"},{"type":"b","id":"own","source":"/s","time":"2024-01-01T00:00:00Z"}]',
  )
  t.match(first, { id: 'id-1', source: 'web%20shop', type: 'a', occurredAtUs: receivedAtUs })
  t.match(second, { id: 'own', source: '/s', occurredAtUs: Date.UTC(2024, 0) * 1_000 })
})

t.test('an event’s own trace goes before the request’s, and stays an extension', async (t) => {
  const [event] = read(`{${valid},"traceparent":"00-abc"}`)
  t.equal(event?.traceparent, 'continued:00-abc')
  t.match(event?.extensions, { traceparent: { value: { value: '00-abc' } } })
})

t.test('a batch, an array and lines hold several events; an empty batch holds none', async (t) => {
  const ids = (body: string, layout: Layout): string[] => read(body, layout).map(({ id }) => id)
  t.same(ids(` [ {${valid}} , {${valid.replace('"1"', '"2"')}} ] `, 'batch'), ['1', '2'])
  t.same(ids('[]', 'batch'), [])
  t.same(ids('[]', 'either'), [])
  t.same(ids(`{${valid}}\n\r\n  {"type":"b","id":"2"}  \r\n\n`, 'lines'), ['1', '2'])
  t.same(ids('', 'lines'), [])
  t.equal(
    read('{"type":"a","data":{"x":1}}\n{"type":"b","data":[2.50]}', 'lines')[1]?.data.toString(),
    '[2.50]',
  )
})

t.test('bodies that are not what they are called are refused', async (t) => {
  t.match(faults('{"type":'), [/^The body is not valid JSON/])
  t.match(faults(''), [/^The body is empty/])
  t.match(faults('{} {}'), [/^The body is not valid JSON/])
  t.match(faults('NaN'), [/^The body is not valid JSON/])
  t.match(faults('[[[[', 'batch'), [/^The body is not valid JSON/])
  t.match(faults(Buffer.from([0x22, 0xff, 0x22])), ['The body is not UTF-8.'])
  t.match(faults(`[{${valid}}]`, 'one'), [/^A single event is a JSON object/])
  t.match(faults(`{${valid}}`, 'batch'), [/^A batch is a JSON array/])
})

t.test('faults are named by where they are', async (t) => {
  const table: readonly (readonly [body: string, ...pointers: string[]])[] = [
    ['{}', '0 /specversion', '0 /type', '0 /id', '0 /source'],
    ['null', '0 '],
    ['"text"', '0 '],
    ['17', '0 '],
    [`{${valid.replace('1.0', '0.3')}}`, '0 /specversion'],
    [`{${valid},"specversion":1.0}`, '0 ', '0 /specversion'],
    [`{${valid.replace('"1"', '1')}}`, '0 /id'],
    [`{${valid.replace('"1"', '""')}}`, '0 /id'],
    [`{${valid.replace('"1"', '"a\\u0000b"')}}`, '0 /id'],
    [`{${valid.replace('"1"', '"\\ud800"')}}`, '0 /id'],
    [`{${valid.replace('"1"', JSON.stringify('x'.repeat(4_097)))}}`, '0 /id'],
    [`{${valid.replace('/shop', 'a b')}}`, '0 /source'],
    [`{${valid.replace('/shop', '%zz')}}`, '0 /source'],
    [`{${valid.replace('/shop', 'a#b#c')}}`, '0 /source'],
    [`{${valid},"subject":""}`, '0 /subject'],
    [`{${valid},"subject":{"a":1}}`, '0 /subject'],
    [`{${valid},"time":"yesterday"}`, '0 /time'],
    [`{${valid},"time":1700000000}`, '0 /time'],
    [`{${valid},"time":"2023-02-29T00:00:00Z"}`, '0 /time'],
    [`{${valid},"time":"2024-01-01T00:00:00"}`, '0 /time'],
    [`{${valid},"time":"1066-10-14T09:00:00Z"}`, '0 /time'],
    [`{${valid},"datacontenttype":"json"}`, '0 /datacontenttype'],
    [`{${valid},"dataschema":"/relative"}`, '0 /dataschema'],
    [`{${valid},"Upper":"x"}`, '0 /Upper'],
    [`{${valid},"with_line":"x"}`, '0 /with_line'],
    [`{${valid},"a/b~c":"x"}`, '0 /a~1b~0c'],
    [`{${valid},"":"x"}`, '0 /'],
    [`{${valid},"__proto__":"x"}`, '0 /__proto__'],
    [`{${valid},"object":{"a":1}}`, '0 /object'],
    [`{${valid},"list":[1]}`, '0 /list'],
    [`{${valid},"fraction":1.5}`, '0 /fraction'],
    [`{${valid},"large":2147483648}`, '0 /large'],
    [`{${valid},"control":"a\\u0007"}`, '0 /control'],
    [`{${valid},"id":"2"}`, '0 '],
    [`{${valid},"data":1,"data":2}`, '0 '],
    [`{${valid},"data":1,"data_base64":"AA=="}`, '0 /data_base64'],
    [`{${valid},"data_base64":"A"}`, '0 /data_base64'],
    [`{${valid},"data_base64":"-_-_"}`, '0 /data_base64'],
    [`{${valid},"data_base64":7}`, '0 /data_base64'],
    [`{${valid},"datacontenttype":"application/json","data_base64":"AAEC"}`, '0 /data_base64'],
  ]
  for (const [body, ...pointers] of table) t.same(faults(body), pointers, body.slice(0, 120))
})

t.test('all faults of a batch are told at once, by index', async (t) => {
  t.same(faults(`[{${valid}},7,{${valid},"time":"x"},{${valid},"id":""}]`, 'batch'), [
    '1 ',
    '2 /time',
    '3 ',
    '3 /id',
  ])
})

t.test('every faulty line is told, each by its event and its line', (t) => {
  const body = Buffer.concat([
    Buffer.from(`\n{${valid}}\n{"type"\n\n`),
    Buffer.from([0x22, 0xff, 0x22, 0x0a]),
    Buffer.from(`{${valid},"time":"x"}\n7\n{${valid}}`),
  ])
  const error = t.throws(() => read(body, 'lines')) as unknown as { message: string; faults: Fault[] }
  t.match(error.message, /4 faults in the events, the first in event 1: Line 3 is not valid JSON/)
  t.match(error.faults, [
    { index: 1, pointer: '', detail: /^Line 3 is not valid JSON/ },
    { index: 2, pointer: '', detail: 'Line 5 is not UTF-8' },
    { index: 3, pointer: '/time' },
    { index: 4, pointer: '', detail: /object/ },
  ])
  t.end()
})

t.test('the list of faults has an end, their count has not', (t) => {
  const error = t.throws(() => read('{}\n'.repeat(1_500), 'lines', true, 2_000)) as unknown as {
    message: string
    faults: Fault[]
  }
  t.match(error.message, /1500 faults in the events, .*The first 1000 are listed/)
  t.equal(error.faults.length, 1_000)
  t.end()
})

t.test('more events than allowed are refused, however they come', async (t) => {
  const tooLarge = { code: 'too-large' }
  t.throws(() => read('[{"type":"a"},{"type":"a"},{"type":"a"}]', 'either', true, 2), tooLarge)
  t.throws(() => read('{"type":"a"}\n{"type":"a"}\n{"type":"a"}', 'lines', true, 2), tooLarge)
  t.equal(read('[{"type":"a"},{"type":"a"}]', 'either', true, 2).length, 2)
})

t.test('data nests up to a limit, however it comes', async (t) => {
  const nest = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  t.equal(read(`{${valid},"data":${nest(128)}}`)[0]?.data.length, 256)
  for (const levels of [129, 3_000, 100_000]) {
    const data = nest(levels)
    t.same(faults(`{${valid},"data":${data}}`), ['0 /data'], `${levels} levels`)
    t.same(faults(`[{${valid}},{${valid},"data":{"path":${data}}}]`, 'batch'), ['1 /data'])
    t.same(faults(`{${valid}}\n{"type":"a","data":${data}}`, 'lines', true), ['1 /data'])
    t.same(faults(`{"type":"a","data":${data}}`, 'either', true), ['0 /data'])
    t.same(faults(`{${valid},"datacontenttype":"application/json","data_base64":"${base64(data)}"}`), [
      '0 /data_base64',
    ])
  }
  t.same(faults(`{${valid},"data":"${'['.repeat(3_000)}"}`), [], 'brackets in a text')
  t.same(faults(`{${valid},"data_base64":"${base64('['.repeat(3_000))}"}`), [], 'bytes that are not JSON')
})
