import { Attempt, Delivery, Outcome } from '@millrace/proto'
import { deliveriesTopic, postbacksTopic } from '@millrace/proto/topics'
import t from 'tap'
import { createMeshFixture, type MeshFixture, until } from './mesh-fixture.ts'
import { runUntilCrash } from './run-until-crash.ts'

const acceptedAtUs = Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000 + 678_901

function makeDelivery(id: string, changes: Partial<Delivery> = {}): Buffer {
  const delivery: Delivery = {
    tenant: 'default',
    id,
    postbackId: 'postback-1',
    endpoint: '',
    request: { method: 'GET', url: 'http://a.example/{x}', headers: {}, defaults: {} },
    data: Buffer.from('{"x":1}'),
    retry: { preset: 'webhook', delaysMs: [], only5xx: false },
    acceptedAtUs,
    catalogThrough: 0,
    attempts: 0,
    notBeforeUs: 0,
    traceparent: '',
    application: 'web',
    timeoutMs: 1_000,
    ...changes,
  }
  return Buffer.from(Delivery.encode(delivery).finish())
}

function makeAttempt(deliveryId: string, number: number, changes: Partial<Attempt>): Buffer {
  const attempt: Attempt = {
    tenant: 'default',
    deliveryId,
    postbackId: 'postback-1',
    endpoint: '',
    number,
    outcome: Outcome.DELIVERED,
    method: 'GET',
    url: 'http://a.example/1',
    startedAtUs: acceptedAtUs + number,
    durationUs: 1_500,
    responseCode: 200,
    responseBody: Buffer.from([0x6f, 0x6b, 0xff]),
    responseBodyTruncated: false,
    errorCode: '',
    errorDetail: '',
    nextAttemptAtUs: 0,
    acceptedAtUs,
    traceparent: '',
    ...changes,
  }
  return Buffer.from(Attempt.encode(attempt).finish())
}

/** What the rows of `deliveries` add up to, and the two rollups. */
async function accounts(mesh: MeshFixture): Promise<string[]> {
  const sums =
    'sum(accepted), sum(requests), sum(delivered), sum(failed), sum(unanswered), sum(dead), sum(held)'
  const requested = 'number > 0 AND NOT without_request'
  const raw = `countIf(outcome = 'accepted'), countIf(${requested}), countIf(outcome = 'delivered'),
    countIf(${requested} AND outcome != 'delivered'), countIf(${requested} AND response_code = 0),
    countIf(outcome = 'dead'), countIf(outcome = 'held')`
  return await Promise.all([
    mesh.value(`SELECT ${raw} FROM deliveries FINAL`),
    mesh.value(`SELECT ${sums} FROM delivery_minutes`),
    mesh.value(`SELECT ${sums} FROM delivery_hours`),
  ])
}

for (const moment of ['before the insert', 'after the insert'] as const) {
  t.test(`an aggregator that is killed ${moment} of deliveries counts each once`, async (t) => {
    const mesh = await createMeshFixture(t)
    const attempts = mesh.topic(deliveriesTopic.name)
    const send = (from: number, count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, index) => {
          const outcome = index % 3 === 0 ? Outcome.RETRY : Outcome.DELIVERED
          const value = makeAttempt(`d-${from + index}`, 1, { outcome, endpoint: 'partner', step: 1 })
          return mesh.producer.send({ topic: attempts, key: `d-${from + index}`, value })
        }),
      )
    await send(0, 400)
    await runUntilCrash(t, mesh, `deliveries: ${moment}`)
    await send(400, 300)
    await mesh.startAggregator()
    await until(
      'all rows',
      async () => (await mesh.value('SELECT sum(requests) FROM delivery_hours')) >= '700',
      60_000,
    )
    const [raw = '', minutes, hours] = await accounts(mesh)
    t.match(raw, /^0\t700\t/)
    t.equal(minutes, raw)
    t.equal(hours, raw)
  })
}

t.test(
  'acceptances and attempts become rows, once each, and a poisonous message stops nothing',
  async (t) => {
    const mesh = await createMeshFixture(t)
    const postbacks = mesh.topic(postbacksTopic.name)
    const attempts = mesh.topic(deliveriesTopic.name)
    const send = (topic: string, value: Buffer) => mesh.producer.send({ topic, key: 'd-1', value })
    await send(postbacks, Buffer.from([0xff, 0xff]))
    await send(postbacks, makeDelivery('d-1'))
    const retry = {
      outcome: Outcome.RETRY,
      responseCode: 0,
      errorCode: 'timeout',
      nextAttemptAtUs: acceptedAtUs + 9,
    }
    await send(attempts, makeAttempt('d-1', 1, retry))
    await send(attempts, makeAttempt('d-1', 2, {}))
    await send(postbacks, makeDelivery('d-1', { attempts: 0, steps: 2 }))
    const service = await mesh.startAggregator()
    const count = 'SELECT count() FROM deliveries FINAL'
    await until('three rows', async () => (await mesh.value(count)) === '3')
    await service.stop()

    await mesh.startAggregator()
    await send(attempts, makeAttempt('d-1', 2, {}))
    const dead = { outcome: Outcome.DEAD, step: 4, event: { source: '/shop', id: 'e-1', type: 'order.paid' } }
    await send(attempts, makeAttempt('d-1', 3, dead))
    const redriven = { outcome: Outcome.REDRIVEN, withoutRequest: true, step: 5, replay: 'r-1' }
    await send(attempts, makeAttempt('d-1', 3, redriven))
    await until('five rows', async () => (await mesh.value(count)) === '5')
    const rows =
      await mesh.rows(`SELECT number, outcome, method, url, response_code, duration_us, hex(response_body) AS body,
    error_code, started_at, accepted_at, next_attempt_at, step, without_request, event_id, replay
    FROM deliveries FINAL ORDER BY number, step`)
    const shared = { method: 'GET', accepted_at: '2026-01-02 03:04:05.678901' }
    const none = '1970-01-01 00:00:00.000000'
    t.match(rows, [
      {
        ...shared,
        number: 0,
        outcome: 'accepted',
        url: 'http://a.example/{x}',
        started_at: shared.accepted_at,
      },
      {
        ...shared,
        number: 1,
        outcome: 'retry',
        error_code: 'timeout',
        next_attempt_at: '2026-01-02 03:04:05.678910',
      },
      {
        ...shared,
        number: 2,
        outcome: 'delivered',
        response_code: 200,
        body: '6F6BFF',
        next_attempt_at: none,
      },
      {
        ...shared,
        number: 3,
        outcome: 'dead',
        started_at: '2026-01-02 03:04:05.678904',
        step: 4,
        event_id: 'e-1',
      },
      { ...shared, number: 3, outcome: 'redriven', step: 5, without_request: true, replay: 'r-1' },
    ])
  },
)
