import { credentials, type Metadata, Metadata as NewMetadata, type ServiceError, status } from '@grpc/grpc-js'
import { DeliveryServiceClient, type GetDeliveryStateResponse } from '@millrace/proto'
import { readConfig } from '@millrace/service-kit/config'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { settings } from '../../src/config.ts'
import { createService } from '../../src/service.ts'
import {
  freshEnvironment,
  numbered,
  rootKey,
  startMesh,
  startReceiver,
  startService,
  until,
} from './helper.ts'

function withKey(key: string | undefined): Metadata {
  const metadata = new NewMetadata()
  if (key !== undefined) metadata.set('authorization', `Bearer ${key}`)
  return metadata
}

function readState(
  client: DeliveryServiceClient,
  key: string | undefined,
): Promise<GetDeliveryStateResponse> {
  return new Promise((resolve, reject) => {
    client.getDeliveryState({}, withKey(key), (error, state) => (error ? reject(error) : resolve(state)))
  })
}

t.test('the state says what is under way, and asks for a key', async (t) => {
  const mesh = await startMesh({ POSTBACK_CONCURRENCY_PER_ORIGIN: '3' })
  const answers: (() => void)[] = []
  const receiver = await startReceiver((_request, response) => {
    answers.push(() => response.end())
  })
  const service = await startService(mesh)
  const client = new DeliveryServiceClient(`127.0.0.1:${service.grpcPort}`, credentials.createInsecure())
  t.teardown(async () => {
    client.close()
    await receiver.stop()
    await service.stop()
    await mesh.stop()
  })
  const refusal = (key: string | undefined) => readState(client, key).catch((error: ServiceError) => error)
  t.match(await refusal(undefined), { code: status.UNAUTHENTICATED })
  // Before the keys were read nobody knows whether it is one.
  await until('the service is ready', () => service.readiness.isReady())
  t.match(await refusal('another key altogether'), { code: status.UNAUTHENTICATED })
  await mesh.request(numbered(10, receiver.origin))
  await until('its connections are taken', () => answers.length === 3)
  let state = await readState(client, rootKey)
  await until('all are read', () => {
    void readState(client, rootKey).then((next) => {
      state = next
    })
    return state.waiting === 7
  })
  t.equal(state.inFlight, 3)
  const low = (of: GetDeliveryStateResponse) =>
    of.partitions
      .filter(({ topic }) => topic.endsWith('millrace.postbacks'))
      .reduce((sum, { lowWatermark }) => sum + lowWatermark, 0)
  t.ok(low(state) < 10, 'the low watermark waits for what is under way')
  while (receiver.received.length < 10 || answers.length > 0) {
    for (const answer of answers.splice(0)) answer()
    await until('there is more to answer', () => answers.length > 0 || mesh.attempts.length >= 7)
    if (mesh.attempts.length >= 10) break
  }
  await until('all are accounted for', () => mesh.attempts.length === 10)
  state = await readState(client, rootKey)
  t.match(state, { inFlight: 0, waiting: 0 })
  t.equal(low(state), 10)
})

t.test('without Kafka the doors open, and readiness says what is missing', async (t) => {
  const config = readConfig(settings, freshEnvironment({ KAFKA_BROKERS: '127.0.0.1:1' }))
  const service = await createService(config, createLogger('test', 'silent'))
  t.teardown(() => service.stop())
  const origin = `http://127.0.0.1:${service.operationsPort}`
  t.equal((await fetch(`${origin}/healthz/live`)).status, 200)
  const ready = await fetch(`${origin}/healthz/ready`)
  t.equal(ready.status, 503)
  t.match(await ready.json(), { status: 'not ready', missing: { kafka: /./ } })
})
