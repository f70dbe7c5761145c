import { once } from 'node:events'
import { connect } from 'node:http2'
import { Client, credentials, status } from '@grpc/grpc-js'
import { QueryServiceService } from '@millrace/proto'
import t from 'tap'
import { ServiceError } from '../src/errors.ts'
import { startGrpcDoor, toGrpcError } from '../src/grpc-server.ts'
import { createReadiness } from '../src/readiness.ts'

t.test('a service error keeps its code, its retry-after and its faults', async (t) => {
  const error = toGrpcError(
    new ServiceError('rate-limited', 'Slow down.', {
      retryAfterSeconds: 3,
      faults: [{ pointer: '/id', detail: 'is empty', index: 4 }],
    }),
  )
  t.equal(error.code, status.RESOURCE_EXHAUSTED)
  t.same(error.metadata.get('retry-after'), ['3'])
  t.same(error.metadata.get('millrace-code'), ['rate-limited'])
  t.match(String(error.metadata.get('millrace-faults-bin')[0]), /"index":4/)
})

t.test('anything else is INTERNAL and tells nothing of its insides', async (t) => {
  const error = toGrpcError(new TypeError('secret internals'))
  t.equal(error.code, status.INTERNAL)
  t.notMatch(error.details, /secret internals/)
})

t.test('a door bounds the calls of a connection', async (t) => {
  const config = { grpcHost: '127.0.0.1', grpcPort: 0 }
  const door = await startGrpcDoor({ readiness: createReadiness([]) }, config, [])
  const session = connect(`http://127.0.0.1:${door.port}`)
  t.teardown(async () => {
    session.destroy()
    await door.stop(0)
  })
  const [settings] = await once(session, 'remoteSettings')
  t.equal(settings.maxConcurrentStreams, 1_000)
})

t.test('reflection lists what a door serves, and nothing that it only refers to', async (t) => {
  const config = { grpcHost: '127.0.0.1', grpcPort: 0 }
  const service = { name: 'millrace.v1.QueryService', protoFile: 'millrace/v1/query.proto' }
  const door = await startGrpcDoor({ readiness: createReadiness([]) }, config, [
    { ...service, definition: QueryServiceService, implementation: {} },
  ])
  const client = new Client(`127.0.0.1:${door.port}`, credentials.createInsecure())
  t.teardown(async () => {
    client.close()
    await door.stop(0)
  })
  const bytes = (value: Buffer): Buffer => value
  const call = client.makeBidiStreamRequest(
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    bytes,
    bytes,
  )
  const answered = once(call, 'data')
  // ServerReflectionRequest: list_services, the seventh member, is an empty text.
  call.end(Buffer.from([0x3a, 0]))
  const [answer] = (await answered) as [Buffer]
  t.match(answer.toString(), 'millrace.v1.QueryService')
  t.notMatch(answer.toString(), 'millrace.v1.IngestService')
})
