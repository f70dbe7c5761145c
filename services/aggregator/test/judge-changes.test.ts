import { formatDecimal } from '@millrace/service-kit/format-decimal'
import t from 'tap'
import type { EventChange, PlacedChange } from '../src/event-change.ts'
import { type FormerChange, judgeChanges, type LandedEvent } from '../src/judge-changes.ts'
import type { PreparedMeter } from '../src/prepare-meter.ts'

const meter = (name: string, input: PreparedMeter['input']): PreparedMeter => ({
  name,
  version: 2,
  filter: undefined,
  input,
  rolledUp: true,
  value: undefined,
  dimensions: [],
})
const metersOf = () => [meter('visits', 'event'), meter('care', 'amount')]

const unit = 10n ** 18n
const landed: LandedEvent = {
  status: 'processed',
  tenant: 'default',
  source: '/care',
  id: 'a',
  type: 'care.visit',
  subject: 'ward-7/3',
  occurredAtUs: 5,
  receivedAtUs: 6,
  offset: 10,
  index: 1,
  readings: [
    { meter: 'visits', version: 2, group: ['false'], value: null },
    { meter: 'care', version: 2, group: ['3', 'SEK', 'false'], value: 7n * unit },
    { meter: 'care', version: 1, group: ['3', 'SEK', 'false'], value: 6n * unit },
  ],
}

function place(kind: EventChange['kind'], offset: number, more: Partial<EventChange> = {}): PlacedChange {
  const change: EventChange = {
    kind,
    tenant: 'default',
    source: '/care',
    id: 'a',
    reference: '',
    settledAtUs: 0,
    erase: false,
    receivedAtUs: 9,
    application: 'payroll',
    traceparent: '',
    allowedEventTypes: [],
    allowedSubjects: [],
    ...more,
  }
  return { change, position: { partition: 0, offset, index: 0 }, storedAtUs: 10 }
}

function judge(
  changes: readonly PlacedChange[],
  events: readonly LandedEvent[] = [landed],
  former: readonly FormerChange[] = [],
) {
  return judgeChanges(changes, events, former, metersOf).map(({ status, corrections, corrected }) => ({
    status,
    corrections: corrections.map(({ meter, version, group, count, value }) =>
      [`${meter}@${version}`, group.join(), count, value === null ? '' : formatDecimal(value)].join(' '),
    ),
    corrected: corrected.map(({ meter, version }) => `${meter}@${version}`),
  }))
}

t.test('a settlement moves the amount from unsettled to settled, once', async (t) => {
  const [first, second] = judge([place('settlement', 11), place('settlement', 12)])
  t.strictSame(first, {
    status: 'applied',
    corrections: ['care@2 3,SEK,false -1 -7', 'care@2 3,SEK,true 1 7'],
    corrected: ['care@2'],
  })
  t.strictSame(second, { status: 'repeat', corrections: [], corrected: [] })
  const settledBefore = [{ kind: 'settlement', erased: false, offset: 10, index: 1 } as const]
  t.match(judge([place('settlement', 12)], [landed], settledBefore), [{ status: 'repeat' }])
})

t.test('a retraction takes away what the event counts by then', async (t) => {
  t.match(judge([place('retraction', 11)]), [
    {
      status: 'applied',
      corrections: ['visits@2 false -1 ', 'care@2 3,SEK,false -1 -7', 'care@1 3,SEK,false -1 -6'],
      corrected: ['visits@2', 'care@2', 'care@1'],
    },
  ])
  const [, retracted, again] = judge([
    place('settlement', 11),
    place('retraction', 12),
    place('retraction', 13),
  ])
  t.match(retracted?.corrections, ['visits@2 false -1 ', 'care@2 3,SEK,true -1 -7'], 'from the settled ones')
  t.equal(again?.status, 'repeat')
})

t.test('what was retracted is not settled any more, but may still be erased', async (t) => {
  const changes = [
    place('retraction', 11),
    place('settlement', 12),
    place('retraction', 13, { erase: true }),
    place('retraction', 14, { erase: true }),
  ]
  t.match(judge(changes), [
    { status: 'applied' },
    { status: 'retracted-event', corrections: [] },
    { status: 'applied', corrections: [], corrected: ['visits@2', 'care@2', 'care@1'] },
    { status: 'repeat' },
  ])
})

t.test('a change meets only what came before it, in its own message too', async (t) => {
  t.match(judge([place('settlement', 9)]), [{ status: 'unknown-event' }])
  const sameMessage = { ...place('settlement', 10), position: { partition: 0, offset: 10, index: 0 } }
  t.match(judge([sameMessage]), [{ status: 'unknown-event' }])
  const behind = { ...sameMessage, position: { partition: 0, offset: 10, index: 2 } }
  t.match(judge([behind]), [{ status: 'applied' }])
  t.match(judge([place('settlement', 11, { source: '/other' })]), [{ status: 'unknown-event' }])
})

t.test('a constrained key changes nothing outside its types and subjects', async (t) => {
  const status = (more: Partial<EventChange>, event = landed) =>
    judge([place('retraction', 11, more)], [event])[0]?.status
  t.equal(status({ allowedEventTypes: ['care.*'], allowedSubjects: ['ward-7/*'] }), 'applied')
  t.equal(status({ allowedEventTypes: ['care.*'], allowedSubjects: ['ward-8/*'] }), 'refused')
  t.equal(status({ allowedEventTypes: ['order.*'] }), 'refused')
  const nobody = { ...landed, subject: '' }
  t.equal(status({ allowedSubjects: ['ward-7/*'] }, nobody), 'refused')
  t.equal(status({ allowedSubjects: ['*'] }, nobody), 'applied')
})

t.test('an invalid event has no amount to settle, and can be retracted', async (t) => {
  const invalid: LandedEvent = { ...landed, status: 'invalid', readings: [] }
  t.match(judge([place('settlement', 11), place('retraction', 12)], [invalid]), [
    { status: 'invalid-event' },
    { status: 'applied', corrections: [] },
  ])
})
