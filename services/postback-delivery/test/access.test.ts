import { type Scope, scopes } from '@millrace/catalog/scopes'
import { DeliveryServiceService } from '@millrace/proto'
import { createKeyring, keyFor, listMethods, openGrpc } from '@millrace/scripts/access'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import { createLogger } from '@millrace/service-kit/log'
import { createReadiness } from '@millrace/service-kit/readiness'
import t from 'tap'
import { createDeliveryService } from '../src/grpc.ts'

/** Every method of the gRPC door, with the scope that it takes. A new one goes here. */
const methods: Readonly<Record<string, { readonly scope: Scope; readonly request: object }>> = {
  getDeliveryState: { scope: 'deliveries:read', request: {} },
  getEndpointState: { scope: 'deliveries:read', request: { endpoint: 'a' } },
  holdEndpoint: { scope: 'deliveries:replay', request: { endpoint: 'a', reason: 'repairs' } },
  releaseEndpoint: { scope: 'deliveries:replay', request: { endpoint: 'a', ratePerSecond: 0 } },
  replayDeliveries: {
    scope: 'deliveries:replay',
    request: { status: '', endpoint: '', ids: [], postback: '', ratePerSecond: 0, eventType: '' },
  },
}

const state = {
  endpoint: 'a',
  enabled: true,
  hold: undefined,
  breaker: 'closed',
  failingSince: undefined,
  openUntil: undefined,
  waiting: 0,
  inFlight: 0,
}

t.test('each gRPC method lets each scope in or not', async (t) => {
  t.same(listMethods(DeliveryServiceService), Object.keys(methods).sort(), 'a new method needs an entry')
  const service = createDeliveryService({
    authenticator: createKeyring(['acme']),
    readState: () => ({ inFlight: 0, waiting: 0, partitions: [] }),
    readEndpoint: () => state,
    commands: () => ({
      hold: async () => ({ endpoint: 'a', since: undefined, by: '', reason: '' }),
      release: async () => 'rep_1',
      replay: async () => 'rep_2',
    }),
    logger: createLogger('test', 'silent'),
  })
  const config = { grpcHost: '127.0.0.1', grpcPort: 0 }
  const door = await startGrpcDoor({ readiness: createReadiness([]) }, config, [service])
  const client = openGrpc(DeliveryServiceService, door.port)
  t.teardown(async () => {
    client.close()
    await door.stop(100)
  })
  for (const [method, { scope, request }] of Object.entries(methods)) {
    t.equal(await client.outcome(method, request, undefined), 'UNAUTHENTICATED', `${method} without a key`)
    t.equal(
      await client.outcome(method, request, 'Bearer mr_unknown'),
      'UNAUTHENTICATED',
      `${method}, unknown key`,
    )
    for (const one of scopes) {
      const expected = one === scope ? 'OK' : 'PERMISSION_DENIED'
      t.equal(await client.outcome(method, request, keyFor('acme', one)), expected, `${method} with ${one}`)
    }
  }
})
