import { createServer } from 'node:http'
import { Outcome } from '@millrace/proto'
import { postbacksTopic } from '@millrace/proto/topics'
import t from 'tap'
import { makeDelivery } from '../helper.ts'
import { numbered, startMesh, startReceiver, startService, until } from './helper.ts'

t.test('a receiver that hangs does not delay a healthy one', async (t) => {
  const mesh = await startMesh({ POSTBACK_CONCURRENCY_PER_ORIGIN: '4', POSTBACK_TIMEOUT_MS: '60000' })
  const hanging = await startReceiver(() => undefined)
  const healthy = await startReceiver()
  const service = await startService(mesh)
  t.teardown(async () => {
    await hanging.stop()
    await service.stop()
    await healthy.stop()
    await mesh.stop()
  })
  // The healthy one's deliveries lie behind hundreds for the hanging one, in the same partitions.
  await mesh.request(numbered(400, hanging.origin))
  await until('its connections are taken', () => hanging.received.length === 4)
  const sentMs = Date.now()
  await mesh.request(numbered(200, healthy.origin))
  await until('all healthy ones have arrived', () => healthy.received.length === 200, 10_000)
  t.ok(Date.now() - sentMs < 5_000, 'at once')
  t.equal(hanging.received.length, 4, 'the hanging one got no more than its share')
  await until('they are accounted for', () => mesh.attempts.length === 200)
})

t.test('what cannot be decoded is skipped, and the partition goes on', async (t) => {
  const mesh = await startMesh({ KAFKA_POSTBACKS_PARTITIONS: '1' })
  const receiver = await startReceiver()
  const service = await startService(mesh)
  t.teardown(async () => {
    await service.stop()
    await receiver.stop()
    await mesh.stop()
  })
  await mesh.write(postbacksTopic.name, Buffer.from('this is no protobuf'))
  await mesh.write(postbacksTopic.name, Buffer.alloc(0))
  await mesh.request(numbered(3, receiver.origin))
  await until('the deliveries behind them are accounted for', () => mesh.attempts.length === 3)
  const metrics = await (await fetch(`http://127.0.0.1:${service.operationsPort}/metrics`)).text()
  t.match(metrics, /millrace_postback_delivery_undecodable_records_total\S* 2\n/)
})

t.test('a forbidden address is never connected to, and its delivery is dead at once', async (t) => {
  const mesh = await startMesh({ POSTBACK_ALLOWED_NETWORKS: '' })
  const receiver = await startReceiver()
  const service = await startService(mesh)
  t.teardown(async () => {
    await service.stop()
    await receiver.stop()
    await mesh.stop()
  })
  const hosts = ['127.0.0.1', 'localhost', '2130706433', '[::ffff:127.0.0.1]']
  await mesh.request(
    hosts.map((host) => makeDelivery({ id: host, request: { url: `http://${host}:${receiver.port}/` } })),
  )
  await until('all are dead', () => mesh.dead.length === hosts.length)
  await until('all are accounted for', () => mesh.attempts.length === hosts.length)
  for (const attempt of mesh.attempts) {
    t.match(attempt, { outcome: Outcome.DEAD, number: 1, errorCode: 'forbidden_address', responseCode: 0 })
  }
  t.equal(receiver.connections(), 0)
})

t.test('answers end as the table says', async (t) => {
  const mesh = await startMesh()
  const elsewhere = await startReceiver()
  const receiver = await startReceiver(({ url }, response) => {
    const status = Number(url.slice(1))
    if (status >= 300 && status < 400) response.setHeader('location', elsewhere.origin)
    if (status === 429) response.setHeader('retry-after', '3600')
    response.statusCode = status
    response.end('x'.repeat(10_000))
  })
  const service = await startService(mesh)
  t.teardown(async () => {
    await service.stop()
    await receiver.stop()
    await elsewhere.stop()
    await mesh.stop()
  })
  const cases = [
    [204, '5xx-only', Outcome.DELIVERED],
    [302, 'webhook', Outcome.RETRY],
    [404, 'webhook', Outcome.RETRY],
    [404, '5xx-only', Outcome.DEAD],
    [408, '5xx-only', Outcome.RETRY],
    [410, 'webhook', Outcome.HELD],
    [429, '5xx-only', Outcome.RETRY],
    [500, '5xx-only', Outcome.RETRY],
  ] as const
  await mesh.request(
    cases.map(([status, preset]) =>
      makeDelivery({
        id: `${status} ${preset}`,
        retry: { preset, delaysMs: [], only5xx: false },
        request: { url: `${receiver.origin}/${status}` },
      }),
    ),
  )
  await until('all are accounted for', () => mesh.attempts.length === cases.length)
  for (const [status, preset, outcome] of cases) {
    const attempt = mesh.attempts.find(({ deliveryId }) => deliveryId === `${status} ${preset}`)
    t.match(attempt, { responseCode: status, outcome }, `${status} under ${preset}`)
    if (status === 204) continue
    t.match(attempt, { responseBodyTruncated: true, responseBody: Buffer.alloc(4_096, 'x') })
  }
  t.equal(elsewhere.connections(), 0, 'redirects are not followed')
  const asked = mesh.attempts.find(({ responseCode }) => responseCode === 429)
  const waitUs = (asked?.nextAttemptAtUs ?? 0) - (asked?.startedAtUs ?? 0)
  t.ok(waitUs >= 3_600_000_000 && waitUs < 1.11 * 3_600_000_000, 'retry-after is honoured')
})

t.test(
  'memory is bounded: what a receiver that hangs has no room for is put off, and all arrive in the end',
  async (t) => {
    const mesh = await startMesh({ POSTBACK_MAX_WAITING: '50', POSTBACK_CONCURRENCY_PER_ORIGIN: '4' })
    const held: (() => void)[] = []
    const open = { now: false }
    const server = createServer((_request, response) => {
      const answer = (): void => {
        response.end()
      }
      if (open.now) answer()
      else held.push(answer)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    const service = await startService(mesh)
    t.teardown(async () => {
      await service.stop()
      server.close()
      server.closeAllConnections()
      await mesh.stop()
    })
    const waiting = async (): Promise<number> => {
      const metrics = await (await fetch(`http://127.0.0.1:${service.operationsPort}/metrics`)).text()
      return Number(/millrace_postback_delivery_waiting_records\S* (\d+)/.exec(metrics)?.[1])
    }
    await mesh.request(numbered(2_000, origin))
    await until('its connections are taken', () => held.length === 4)
    let most = 0
    for (let look = 0; look < 20; look += 1) most = Math.max(most, await waiting())
    t.ok(most < 50 + 256 + 1, `at most one read above the limit, not ${most}`)
    open.now = true
    for (const answer of held) answer()
    await until('all have arrived', () => mesh.attempts.length === 2_000)
    t.equal(new Set(mesh.attempts.map(({ deliveryId }) => deliveryId)).size, 2_000)
  },
)
