import { once } from 'node:events'
import { connect } from 'node:http2'
import { status } from '@grpc/grpc-js'
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
