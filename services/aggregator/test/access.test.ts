import { type Scope, scopes } from '@millrace/catalog/scopes'
import { AggregationServiceService, WatchLiveRequest, WatchProgressRequest } from '@millrace/proto'
import { createKeyring, keyFor, listMethods, openGrpc } from '@millrace/scripts/access'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import { createReadiness } from '@millrace/service-kit/readiness'
import t from 'tap'
import { createAggregationService } from '../src/grpc.ts'
import { createLiveView } from '../src/live-view.ts'
import { createTouches } from '../src/touches.ts'

const nothing = Buffer.alloc(0)
const watchLive = (tenant: string) => ({ ...WatchLiveRequest.decode(nothing), tenant, meter: 'visits' })

/** Every method of the gRPC door, with the scope that it takes. A new one goes here. */
const methods: Readonly<Record<string, { readonly scope: Scope; readonly request: object }>> = {
  watchLive: { scope: 'reports:read', request: watchLive('acme') },
  watchProgress: { scope: 'reports:read', request: WatchProgressRequest.decode(nothing) },
}

t.test('each gRPC method lets each scope in or not, and no other tenant', async (t) => {
  t.same(listMethods(AggregationServiceService), Object.keys(methods).sort(), 'a new method needs an entry')
  const service = createAggregationService({
    authenticator: createKeyring(['acme', 'other']),
    instance: 'one',
    live: createLiveView({ now: Date.now }, { liveMaxGroups: 10, liveMaxCells: 100 }),
    landedThrough: () => [],
    partitions: () => 1,
    touches: createTouches(),
    now: Date.now,
  })
  const config = { grpcHost: '127.0.0.1', grpcPort: 0 }
  const door = await startGrpcDoor({ readiness: createReadiness([]) }, config, [service])
  const client = openGrpc(AggregationServiceService, door.port)
  t.teardown(async () => {
    client.close()
    await door.stop(100)
  })
  for (const [method, { scope, request }] of Object.entries(methods)) {
    t.equal(await client.outcome(method, request, undefined), 'UNAUTHENTICATED', `${method} without a key`)
    for (const one of scopes) {
      const expected = one === scope ? 'OK' : 'PERMISSION_DENIED'
      t.equal(await client.outcome(method, request, keyFor('acme', one)), expected, `${method} with ${one}`)
    }
  }
  const foreign = await client.outcome('watchLive', watchLive('acme'), keyFor('other', 'reports:read'))
  t.equal(foreign, 'PERMISSION_DENIED', 'another tenant')
})
