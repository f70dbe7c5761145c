import { Delivery, Outcome } from '@millrace/proto'
import { retryTiers, retryTopic } from '@millrace/proto/topics'
import t from 'tap'
import { numbered, startMesh, startReceiver, startService, until } from './helper.ts'

t.setTimeout(120_000)

const mostLateMs = 10_000

/** Fails a delivery's first attempt, by its id. */
function failFirst() {
  const seen = new Set<string>()
  return startReceiver(({ headers }, response) => {
    const id = String(headers['webhook-id'])
    response.statusCode = seen.has(id) ? 200 : 500
    seen.add(id)
    response.end()
  })
}

for (const [memory, maxWaiting] of [
  ['enough', '8000'],
  // So little that most records that wait for their time are given back to Kafka.
  ['little', '200'],
] as const) {
  t.test(`retries with mixed delays are never early and hardly late, with ${memory} memory`, async (t) => {
    const mesh = await startMesh({ POSTBACK_MAX_WAITING: maxWaiting, KAFKA_POSTBACKS_PARTITIONS: '3' })
    const receiver = await failFirst()
    const service = await startService(mesh)
    t.teardown(async () => {
      await service.stop()
      await receiver.stop()
      await mesh.stop()
    })
    await until('the service is ready', () => service.readiness.isReady())
    const delays = [100, 700, 1_000, 1_500, 2_900, 5_000, 6_200]
    const deliveries = delays.flatMap((delay) =>
      numbered(100, receiver.origin, { retry: { preset: '', delaysMs: [delay], only5xx: false } }),
    )
    await mesh.request(deliveries)
    await until('all are delivered', () => mesh.attempts.length === 2 * deliveries.length, 60_000)
    const due = new Map(
      mesh.attempts
        .filter(({ outcome }) => outcome === Outcome.RETRY)
        .map(({ deliveryId, nextAttemptAtUs }) => [deliveryId, nextAttemptAtUs]),
    )
    const lateness = mesh.attempts
      .filter(({ outcome }) => outcome === Outcome.DELIVERED)
      .map(({ deliveryId, startedAtUs }) => (startedAtUs - (due.get(deliveryId) ?? 0)) / 1_000)
      .sort((a, b) => a - b)
    t.equal(lateness.length, deliveries.length, 'each is delivered once')
    t.ok((lateness[0] ?? -1) >= 0, `none is early: ${lateness[0]} ms`)
    const p99 = lateness[Math.floor(lateness.length * 0.99)] ?? 0
    // By far more than a busy machine takes, by far less than waiting in a tier too high up.
    t.ok(p99 < mostLateMs, 'hardly any is late')
    t.comment(`lateness: median ${lateness[Math.floor(lateness.length / 2)]} ms, p99 ${p99} ms`)
  })
}

t.test('a retry waits where it is, whatever else its tier holds, and others go on', async (t) => {
  const mesh = await startMesh({ POSTBACK_MAX_WAITING: '40' })
  const receiver = await startReceiver()
  const service = await startService(mesh)
  t.teardown(async () => {
    await service.stop()
    await receiver.stop()
    await mesh.stop()
  })
  const tenHours = retryTiers.find(({ label }) => label === '10h')
  if (tenHours === undefined) throw new Error('there is such a tier')
  const later = numbered(2_000, receiver.origin, {
    notBeforeUs: (Date.now() + tenHours.delayMs) * 1_000,
    attempts: 1,
  })
  await Promise.all(
    later.map((delivery) =>
      mesh.write(retryTopic(tenHours).name, Buffer.from(Delivery.encode(delivery).finish())),
    ),
  )
  await mesh.request(numbered(300, receiver.origin))
  await until('what is due arrives', () => mesh.attempts.length === 300)
  t.equal(receiver.received.length, 300)
})
