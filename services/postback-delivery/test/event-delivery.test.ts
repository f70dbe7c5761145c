import t from 'tap'
import { toStructuredEvent } from '../src/event-delivery.ts'
import { makeEvent } from './event-fixture.ts'

t.test('JSON data keeps its bytes', async (t) => {
  const data = '{ "amount": 1.10,\n "big": 12345678901234567890, "name": "Å\\u00e5" }'
  const text = toStructuredEvent(makeEvent({ data })).toString()
  t.ok(text.endsWith(`,"data":${data}}`))
  t.match(JSON.parse(text), {
    specversion: '1.0',
    id: 'e-1',
    source: '/shop',
    type: 'order.paid',
    subject: 'eu/7',
    time: '2023-11-14T22:13:20.000Z',
    data: { name: 'Åå' },
  })
})

t.test('what an event lacks is left out, and extensions keep their types', async (t) => {
  const extensions = {
    level: { value: { $case: 'integer' as const, value: 3 } },
    vip: { value: { $case: 'boolean' as const, value: true } },
    team: { value: { $case: 'text' as const, value: 'eu "1"' } },
  }
  const event = makeEvent({ subject: '', data: '', extensions, occurredAtUs: 1_700_000_000_000_001 })
  t.same(JSON.parse(toStructuredEvent(event).toString()), {
    specversion: '1.0',
    id: 'e-1',
    source: '/shop',
    type: 'order.paid',
    time: '2023-11-14T22:13:20.000001Z',
    level: 3,
    vip: true,
    team: 'eu "1"',
  })
})

t.test('text stands as text, everything else in base64', async (t) => {
  const of = (dataContentType: string, data: string | Buffer) =>
    JSON.parse(toStructuredEvent(makeEvent({ dataContentType, data })).toString())
  t.match(of('text/plain; charset=utf-8', 'å "ß"'), {
    datacontenttype: 'text/plain; charset=utf-8',
    data: 'å "ß"',
  })
  const bytes = Buffer.from([0, 1, 255])
  t.match(of('image/png', bytes), { data_base64: 'AAH/', data: undefined })
  t.match(of('text/plain', bytes), { data_base64: 'AAH/' })
  t.match(of('application/vnd.order+json', '[1.0]'), { data: [1] })
})
