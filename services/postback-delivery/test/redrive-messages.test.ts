import { Attempt, Delivery, Outcome } from '@millrace/proto'
import t from 'tap'
import { readMark, toRedriveMessages } from '../src/redrive-messages.ts'
import { makeDelivery } from './helper.ts'

const context = { prefix: 'p-', replay: 'rep_1', nowUs: 5, catalogThrough: 7, stateThrough: 9 }

t.test('a delivery goes on its way again, its record is marked, and both are accounted for', (t) => {
  const delivery = makeDelivery({ attempts: 8, steps: 10, notBeforeUs: 3, catalogThrough: 8 })
  const record = { topic: 'p-millrace.postbacks.dead', partition: 3, offset: 41, delivery }
  const [again, account, mark] = toRedriveMessages(record, context)
  t.equal(again?.topic, 'p-millrace.postbacks')
  t.match(Delivery.decode(again?.value ?? Buffer.alloc(0)), {
    id: delivery.id,
    data: delivery.data,
    attempts: 8,
    scheduleBase: 8,
    steps: 11,
    notBeforeUs: 0,
    replay: 'rep_1',
    catalogThrough: 8,
    stateThrough: 9,
  })
  t.match(Attempt.decode(account?.value ?? Buffer.alloc(0)), {
    number: 8,
    step: 11,
    outcome: Outcome.REDRIVEN,
    withoutRequest: true,
    replay: 'rep_1',
  })
  t.match(mark, { topic: record.topic, partition: 3, key: delivery.id, value: null })
  const headers = (mark?.headers ?? []).map((header) =>
    Object.fromEntries(Object.entries(header).map(([name, text]) => [name, Buffer.from(String(text))])),
  )
  t.same(readMark({ value: null, headers }), { offset: 41, replay: 'rep_1' })
  t.end()
})

t.test('what has a value, or no offset, is no mark', (t) => {
  t.equal(readMark({ value: Buffer.alloc(1) }), undefined)
  t.equal(readMark({ value: null }), undefined)
  t.end()
})
