import { Attempt, EventBatch, type EventRecord, Outcome } from '@millrace/proto'
import { deliveriesTopic } from '@millrace/proto/topics'
import t from 'tap'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'

const acceptedAtUs = Date.UTC(2026, 0, 2) * 1_000

function makeAttempt(id: string, number: number): Buffer {
  const attempt: Attempt = {
    ...Attempt.decode(Buffer.alloc(0)),
    tenant: 'default',
    deliveryId: `d-${id}`,
    endpoint: 'partner',
    number,
    step: number,
    outcome: Outcome.RETRY,
    method: 'POST',
    url: `https://partner.example/${id}`,
    startedAtUs: acceptedAtUs,
    responseCode: 500,
    responseBody: Buffer.from(`what of ${id}?`),
    errorDetail: 'no',
    acceptedAtUs,
    event: { source: 'clinic', id, type: 'care.visit' },
  }
  return Buffer.from(Attempt.encode(attempt).finish())
}

t.test('an erased event takes along what its deliveries have captured, earlier and later', async (t) => {
  const mesh = await createMeshFixture(t)
  await mesh.putEventType('care.visit', {})
  const publish = async (record: EventRecord['record']) => {
    const bytes = EventBatch.encode({ records: [{ record }], catalogThrough: 0 }).finish()
    await mesh.publishBytes(0, Buffer.from(bytes))
  }
  const attempts = mesh.topic(deliveriesTopic.name)
  const attempt = (id: string, number: number) =>
    mesh.producer.send({ topic: attempts, key: `d-${id}`, value: makeAttempt(id, number) })
  for (const id of ['gone', 'kept']) {
    await publish({ $case: 'event', value: makeEvent({ id, source: 'clinic', type: 'care.visit' }, {}) })
    await attempt(id, 1)
  }
  await mesh.startAggregator()
  await until('attempts', async () => (await mesh.value('SELECT count() FROM deliveries')) === '2')
  await until('events', async () => (await mesh.value('SELECT count() FROM events')) === '2')
  await publish({
    $case: 'retraction',
    value: {
      tenant: 'default',
      source: 'clinic',
      id: 'gone',
      erase: true,
      receivedAtUs: Date.now() * 1_000,
      application: 'web',
      traceparent: '',
      allowedEventTypes: [],
      allowedSubjects: [],
    },
  })
  const left = `SELECT groupArray(concat(delivery_id, ' ', toString(number))) FROM
    (SELECT * FROM deliveries FINAL WHERE url != '' OR response_body != '' OR error_detail != '' ORDER BY delivery_id, number)`
  await until('the earlier capture is erased', async () => (await mesh.value(left)) === `['d-kept 1']`)
  await attempt('gone', 2)
  await attempt('kept', 2)
  await until('all attempts', async () => (await mesh.value('SELECT count() FROM deliveries FINAL')) === '4')
  await until(
    'the later capture is erased',
    async () => (await mesh.value(left)) === `['d-kept 1','d-kept 2']`,
  )
  const told = `SELECT count() FROM deliveries FINAL WHERE event_id = 'gone' AND response_code = 500`
  t.equal(await mesh.value(told), '2', 'that there were attempts stays')
  t.equal(await mesh.value('SELECT sum(requests) FROM delivery_minutes'), '4', 'and counts once')
})
