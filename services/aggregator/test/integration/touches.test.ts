import type { EventRecord, Touch } from '@millrace/proto'
import { EventBatch } from '@millrace/proto'
import t from 'tap'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'
import { watchProgress } from './watch.ts'

const minuteUs = 60_000_000

t.test('what changes a report is told before it is written, and as over once it can be read', async (t) => {
  const mesh = await createMeshFixture(t)
  await mesh.putEventType('visit.recorded', {})
  await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
  /** Numbers of the touches that were over when a block was inserted. */
  const whenInserted = new Map<string, readonly number[]>()
  const over = (): readonly number[] => progress.messages.flatMap((message) => message.over)
  const service = await mesh.startAggregator({
    aroundInsert: (insert) => async (block, signal) => {
      if (!['events', 'event_changes', 'backfilled_readings'].includes(block.table))
        return insert(block, signal)
      // Whoever follows has been told already: the stream needs no more than its way.
      await until(`the touch of ${block.table} is heard`, () => begun().length > over().length)
      whenInserted.set(block.table, over())
      await insert(block, signal)
    },
  })
  const progress = watchProgress(t, service)
  const begun = (): readonly Touch[] => progress.messages.flatMap((message) => message.begun)
  const lastIsOver = (count: number) =>
    until(`${count} touches are over`, () => begun().length === count && over().length === count)
  await until('all partitions are told of', () => progress.messages.at(-1)?.landed.length === 2)

  const event = makeEvent({ occurredAtUs: 100 * minuteUs + 5 })
  await mesh.publishTo(0, [event])
  await lastIsOver(1)
  t.strictSame(begun()[0]?.ranges, [
    { tenant: 'default', meter: 'visits', version: 1, fromMinute: 100, toMinute: 101 },
  ])
  t.strictSame(whenInserted.get('events'), [])

  await mesh.publishBytes(0, Buffer.from(EventBatch.encode(retractionOf(event)).finish()))
  await lastIsOver(2)
  const ofAllMeters = { tenant: 'default', meter: '', version: 0, fromMinute: 100, toMinute: 101 }
  t.strictSame(begun()[1]?.ranges, [ofAllMeters], 'younger meters read it out of the changes')
  t.strictSame(whenInserted.get('event_changes'), [1])

  await mesh.publishTo(0, [makeEvent({ occurredAtUs: 200 * minuteUs })])
  await lastIsOver(3)
  await mesh.putMeter('later', { eventTypes: ['visit.recorded'], aggregation: 'count' })
  await lastIsOver(4)
  const [backfill] = begun()[3]?.ranges ?? []
  t.equal(backfill?.meter, 'later')
  t.ok(
    Number(backfill?.fromMinute) <= 100 && Number(backfill?.toMinute) > 200,
    'a chunk tells all of its time',
  )
  t.strictSame(whenInserted.get('backfilled_readings'), [1, 2, 3])
})

function retractionOf({ tenant, source, id }: { tenant: string; source: string; id: string }): EventBatch {
  const retraction = {
    tenant,
    source,
    id,
    erase: true,
    receivedAtUs: Date.now() * 1_000,
    application: 'web',
    traceparent: '',
    allowedEventTypes: [],
    allowedSubjects: [],
  }
  const record: EventRecord['record'] = { $case: 'retraction', value: retraction }
  return { records: [{ record }], catalogThrough: 0 }
}
