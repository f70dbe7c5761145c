import type { Replay } from '@millrace/catalog/replay-resource'
import t from 'tap'
import { createSelection, type DeliveryReplay, topicsOf } from '../src/select-kept.ts'
import { makeDelivery } from './helper.ts'

type Body = Extract<Replay, { what: 'deliveries' }>

function makeReplay(filter: Body['filter'], parts: Partial<Body> = {}): DeliveryReplay {
  const requestedAt = '2026-01-01T00:00:00Z'
  const body: Body = {
    what: 'deliveries',
    filter,
    ratePerSecond: 1,
    status: 'accepted',
    requestedAt,
    ...parts,
  }
  return {
    tenant: 'default',
    kind: 'replay',
    name: 'rep_1',
    version: 1,
    body,
    updatedAt: requestedAt,
    updatedBy: '',
  }
}

const selects = (
  filter: Body['filter'],
  parts: Parameters<typeof makeDelivery>[0] = {},
  body: Partial<Body> = {},
) => createSelection(makeReplay(filter, body))(makeDelivery(parts))

t.test('every member of the filter has to match', (t) => {
  t.ok(selects({}))
  t.ok(selects({ endpoint: 'a' }, { endpoint: 'a' }))
  t.notOk(selects({ endpoint: 'a' }))
  t.ok(selects({ postback: 'p-1' }))
  t.notOk(selects({ postback: 'p-2' }))
  const event = { source: 'shop', id: 'e-1', type: 'order.paid' }
  t.ok(selects({ eventType: 'order.paid' }, { event }))
  t.notOk(selects({ eventType: 'order.sent' }, { event }))
  t.notOk(selects({ eventType: 'order.paid' }), 'postbacks deliver no event')
  t.ok(selects({ ids: ['d-0', 'd-1'] }))
  t.notOk(selects({ ids: ['d-0'] }))
  t.notOk(selects({ ids: ['d-1'], endpoint: 'a' }))
  const acceptedAtUs = 1_767_225_600_000_001
  t.ok(selects({ from: '2026-01-01T00:00:00.000001Z', to: '2026-01-01T00:00:00.000002Z' }, { acceptedAtUs }))
  t.notOk(selects({ to: '2026-01-01T00:00:00.000001Z' }, { acceptedAtUs }), 'to is exclusive')
  t.end()
})

t.test(
  'a replay takes up nothing of other tenants, nothing twice, and no events for a constrained key',
  (t) => {
    t.notOk(selects({}, { tenant: 'other' }))
    t.notOk(selects({}, { replay: 'rep_1' }))
    t.ok(selects({}, { replay: 'rep_0' }))
    const constraints = { subjects: ['ward-7/*'] }
    t.ok(selects({}, {}, { constraints }), 'postbacks are no events')
    t.notOk(selects({}, { endpoint: 'a', postbackId: '' }, { constraints }))
    t.end()
  },
)

t.test('the status says where to look', (t) => {
  t.same(topicsOf(makeReplay({ status: 'held' })), ['millrace.postbacks.parked'])
  t.same(topicsOf(makeReplay({ status: 'dead' })), ['millrace.postbacks.dead'])
  t.equal(topicsOf(makeReplay({})).length, 2)
  t.end()
})
