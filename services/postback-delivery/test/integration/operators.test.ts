import { credentials, Metadata, status } from '@grpc/grpc-js'
import {
  DeliveryServiceClient,
  type HoldEndpointResponse,
  Outcome,
  ReplayDeliveriesRequest,
} from '@millrace/proto'
import t, { type Test } from 'tap'
import { makeDelivery } from '../helper.ts'
import { rootKey, startMesh, startReceiver, startService, until } from './helper.ts'
import { startReplayFixture } from './replay-fixture.ts'
import { startPublisher } from './subscription-fixture.ts'

t.setTimeout(120_000)

async function setUp(t: Test) {
  const mesh = await startMesh({ KAFKA_EVENTS_PARTITIONS: '2' })
  const publisher = await startPublisher(mesh, 'default')
  const receiver = await startReceiver()
  const service = await startService(mesh)
  const fixture = await startReplayFixture(mesh)
  const client = new DeliveryServiceClient(`127.0.0.1:${service.grpcPort}`, credentials.createInsecure())
  t.teardown(async () => {
    client.close()
    await service.stop()
    await receiver.stop()
    await fixture.stop()
    await publisher.stop()
    await mesh.stop()
  })
  await until('the service is ready', () => service.readiness.isReady())
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${rootKey}`)
  const call = <Response>(
    run: (
      client: DeliveryServiceClient,
      metadata: Metadata,
      done: (error: Error | null, response: Response) => void,
    ) => unknown,
  ): Promise<Response> =>
    new Promise((resolve, reject) => {
      run(client, metadata, (error, response) => (error === null ? resolve(response) : reject(error)))
    })
  let catalogThrough = 0
  const put = async (enabled: boolean) => {
    const endpoint = { url: `${receiver.origin}/hook`, enabled, concurrency: 50 }
    catalogThrough = await publisher.putEndpoint('partner', endpoint)
  }
  const send = (prefix: string, count: number) =>
    mesh.request(
      Array.from({ length: count }, (_, n) => ({
        ...makeDelivery({
          id: `${prefix}-${n}`,
          postbackId: '',
          endpoint: 'partner',
          data: { n },
          catalogThrough,
          acceptedAtUs: Date.now() * 1_000,
          event: { source: 'shop', id: `${prefix}-${n}`, type: 'order.paid' },
        }),
        request: undefined,
      })),
    )
  const held = () => mesh.attempts.filter(({ outcome }) => outcome === Outcome.HELD)
  const arrived = () => receiver.received.map(({ headers }) => String(headers['webhook-id']))
  return { mesh, fixture, put, send, held, arrived, call }
}

t.test('what comes while an endpoint is disabled is sent after a replay, exactly that', async (t) => {
  const { fixture, mesh, put, send, held, arrived, call } = await setUp(t)
  await put(false)
  await send('off', 1_000)
  await until('all are held', () => held().length === 1_000)
  t.match(held()[0], { number: 0, withoutRequest: true, step: 1, errorCode: 'endpoint_disabled' })
  await put(true)
  const request = {
    ...ReplayDeliveriesRequest.decode(Buffer.alloc(0)),
    endpoint: 'partner',
    eventType: 'order.paid',
    ratePerSecond: 500,
  }
  const started = Date.now()
  const { replayId } = await call<{ replayId: string }>((client, metadata, done) =>
    client.replayDeliveries(request, metadata, done),
  )
  await until('the replay is done', () => fixture.progress(replayId)?.done === true)
  t.ok(Date.now() - started >= 1_500, 'at the rate that was asked for')
  t.match(fixture.progress(replayId), { selected: 1_000, redriven: 1_000 })
  await until('all have arrived', () => arrived().length >= 1_000)
  t.equal(new Set(arrived()).size, 1_000, 'each once')
  t.equal(arrived().length, 1_000)
  const delivered = () => mesh.attempts.filter(({ outcome }) => outcome === Outcome.DELIVERED)
  await until('all are accounted for', () => delivered().length === 1_000)
  t.match(delivered()[0], { number: 1, step: 3 }, 'held, taken up, delivered')

  const again = await call<{ replayId: string }>((client, metadata, done) =>
    client.replayDeliveries(request, metadata, done),
  )
  await until('the second replay is done', () => fixture.progress(again.replayId)?.done === true)
  t.match(fixture.progress(again.replayId), { selected: 0, redriven: 0 })
  t.equal(arrived().length, 1_000, 'what was delivered since is not sent again')
})

t.test('an endpoint that is held gets nothing until it is released, and then all of it', async (t) => {
  const { fixture, put, send, held, arrived, call } = await setUp(t)
  const state = () =>
    call((client, metadata, done) => client.getEndpointState({ endpoint: 'partner' }, metadata, done))
  await put(true)
  const hold = (reason: string) =>
    call<HoldEndpointResponse>((client, metadata, done) =>
      client.holdEndpoint({ endpoint: 'partner', reason }, metadata, done),
    )
  let refused: unknown = new Error('not asked yet')
  while (refused instanceof Error) refused = await hold('repairs').catch((error: unknown) => error)
  const first = await hold('repairs')
  t.match(await hold('again'), first, 'the first hold stays')
  t.match(await state(), { enabled: true, breaker: 'closed', hold: { endpoint: 'partner', by: 'root' } })
  await send('held', 20)
  await until('all are held', () => held().length === 20)
  t.match(held()[0], { errorCode: 'endpoint_held', withoutRequest: true })
  const { replayId } = await call<{ replayId: string }>((client, metadata, done) =>
    client.releaseEndpoint({ endpoint: 'partner', ratePerSecond: 0 }, metadata, done),
  )
  await until('the replay is done', () => fixture.progress(replayId)?.done === true)
  await until('all have arrived', () => arrived().length >= 20)
  t.equal(new Set(arrived()).size, 20)
  t.match(await state(), { hold: undefined })
  const refusal = (run: Parameters<typeof call>[0]) => call(run).catch((error: unknown) => error)
  t.match(
    await refusal((client, metadata, done) =>
      client.holdEndpoint({ endpoint: 'nobody', reason: '' }, metadata, done),
    ),
    { code: status.NOT_FOUND },
  )
  t.match(
    await refusal((client, metadata, done) =>
      client.replayDeliveries(
        { ...ReplayDeliveriesRequest.decode(Buffer.alloc(0)), status: 'lost' },
        metadata,
        done,
      ),
    ),
    { code: status.INVALID_ARGUMENT, details: /status/ },
  )
})

t.test(
  'a release also sends what was found to be held before it, and is written down after it',
  async (t) => {
    const { fixture, put, arrived, call } = await setUp(t)
    await put(true)
    const keep = (ids: readonly string[]) =>
      fixture.keep(
        'held',
        ids.map((id) => ({
          ...makeDelivery({ id, postbackId: '', endpoint: 'partner' }),
          request: undefined,
        })),
      )
    await keep(['early-0', 'early-1'])
    const release = () =>
      call<{ replayId: string }>((client, metadata, done) =>
        client.releaseEndpoint({ endpoint: 'partner', ratePerSecond: 0 }, metadata, done),
      )
    let released = await release().catch(() => undefined)
    // The endpoint may not have been read yet.
    while (released === undefined) released = await release().catch(() => undefined)
    const { replayId } = released
    await until('what is there is sent at once', () => arrived().length === 2)
    t.equal(fixture.progress(replayId), undefined, 'it is not done')
    await keep(['late-0', 'late-1', 'late-2'])
    await until('the replay is done', () => fixture.progress(replayId)?.done === true)
    t.match(fixture.progress(replayId), { selected: 5, redriven: 5 })
    await until('the late ones have arrived', () => arrived().length >= 5)
    t.equal(new Set(arrived()).size, 5)
    t.equal(arrived().length, 5, 'each once')
  },
)
