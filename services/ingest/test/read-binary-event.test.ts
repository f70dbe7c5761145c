import type { Event } from '@millrace/proto'
import type { Fault } from '@millrace/service-kit/errors'
import t from 'tap'
import { isBinaryMode, readBinaryEvent } from '../src/read-binary-event.ts'
import { receivedAtUs, sampleReception } from './sample-reception.ts'

const headers = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/shop', 'ce-type': 'order.paid' }
const read = (given: Record<string, string>, body = ''): Event =>
  readBinaryEvent(Object.entries(given).flat(), Buffer.from(body), sampleReception())

function faults(given: Record<string, string>, body = ''): string[] {
  try {
    read(given, body)
    return []
  } catch (error) {
    return (error as { faults: readonly Fault[] }).faults.map(({ pointer }) => pointer)
  }
}

t.test('attributes come as headers, data as the body', async (t) => {
  const event = read(
    {
      ...headers,
      'content-type': 'application/json',
      'ce-time': '2024-01-01T00:00:00.000001Z',
      'ce-myext': '5',
      accept: '*/*',
    },
    '{"a": 1.10}',
  )
  t.match(event, { id: '1', source: '/shop', type: 'order.paid', dataContentType: 'application/json' })
  t.equal(event.occurredAtUs, Date.UTC(2024, 0) * 1_000 + 1)
  t.equal(event.data.toString(), '{"a": 1.10}')
  t.same(event.extensions, { myext: { value: { $case: 'text', value: '5' } } })
})

t.test('header values are percent-encoded', async (t) => {
  t.equal(read({ ...headers, 'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80' }).subject, 'Euro € 😀')
  t.same(faults({ ...headers, 'ce-subject': '%E2%28' }), ['/subject'])
})

t.test('a body without a media type is bytes, no body is no data', async (t) => {
  t.equal(read(headers, 'abc').dataContentType, 'application/octet-stream')
  t.match(read(headers), { dataContentType: '', occurredAtUs: receivedAtUs })
  t.equal(read(headers).data.length, 0)
})

t.test('nothing is filled in, and JSON has to be JSON', async (t) => {
  t.same(faults({ 'ce-id': '1' }), ['/specversion', '/type', '/source'])
  t.same(faults({ ...headers, 'content-type': 'application/json' }, '{'), ['/data'])
  const deep = '['.repeat(3_000) + ']'.repeat(3_000)
  t.same(faults({ ...headers, 'content-type': 'application/json' }, deep), ['/data'], 'within a depth')
  t.same(faults({ ...headers, 'content-type': 'text/plain' }, deep), [])
  t.same(faults({ ...headers, 'ce-datacontenttype': 'text/plain' }), ['/datacontenttype'])
})

t.test('binary mode is told by its headers', async (t) => {
  t.ok(isBinaryMode(headers))
  t.notOk(isBinaryMode({ 'content-type': 'application/json' }))
})
