import { type Scope, scopes } from '@millrace/catalog/scopes'
import { DeliveryServiceService } from '@millrace/proto'
import { createKeyring, keyFor, listMethods, openGrpc } from '@millrace/scripts/access'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import { createReadiness } from '@millrace/service-kit/readiness'
import t from 'tap'
import { createDeliveryService } from '../src/grpc.ts'

/** Every method of the gRPC door, with the scope that it takes. A new one goes here. */
const methods: Readonly<Record<string, Scope>> = { getDeliveryState: 'deliveries:read' }

t.test('each gRPC method lets each scope in or not', async (t) => {
  t.same(listMethods(DeliveryServiceService), Object.keys(methods).sort(), 'a new method needs an entry')
  const service = createDeliveryService({
    authenticator: createKeyring(['acme']),
    readState: () => ({ inFlight: 0, waiting: 0, partitions: [] }),
  })
  const config = { grpcHost: '127.0.0.1', grpcPort: 0 }
  const door = await startGrpcDoor({ readiness: createReadiness([]) }, config, [service])
  const client = openGrpc(DeliveryServiceService, door.port)
  t.teardown(async () => {
    client.close()
    await door.stop(100)
  })
  for (const [method, scope] of Object.entries(methods)) {
    t.equal(await client.outcome(method, {}, undefined), 'UNAUTHENTICATED', `${method} without a key`)
    t.equal(
      await client.outcome(method, {}, 'Bearer mr_unknown'),
      'UNAUTHENTICATED',
      `${method}, unknown key`,
    )
    for (const one of scopes) {
      const expected = one === scope ? 'OK' : 'PERMISSION_DENIED'
      t.equal(await client.outcome(method, {}, keyFor('acme', one)), expected, `${method} with ${one}`)
    }
  }
})
