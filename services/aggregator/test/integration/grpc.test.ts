import { once } from 'node:events'
import { type ClientReadableStream, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import t from 'tap'
import { createMeshFixture, until } from './mesh-fixture.ts'
import { connect, withKey } from './watch.ts'

t.test('nothing is told without a key, or of another tenant', async (t) => {
  const mesh = await createMeshFixture(t)
  const service = await mesh.startAggregator()
  await until('the service is up', () => Object.keys(service.readiness.missing()).length === 0)
  const client = connect(t, service)
  const watchers: readonly ((key: Metadata, tenant: string) => ClientReadableStream<unknown>)[] = [
    (key) => client.watchProgress({}, key),
    (key, tenant) => client.watchLive({ tenant, meter: 'visits', seconds: 60 }, key),
  ]
  /** How a stream begins: `told`, or why not. */
  const beginning = async (call: ClientReadableStream<unknown>): Promise<string> => {
    const told = once(call, 'data').then(() => 'told')
    const refused = new Promise<string>((resolve) => {
      call.on('error', ({ code }: ServiceError) => resolve(status[code] ?? ''))
    })
    // Of the two the loser is the end of the same stream.
    told.catch(() => undefined)
    const first = await Promise.race([told.catch(() => refused), refused])
    call.cancel()
    return first
  }
  for (const watch of watchers) {
    t.equal(await beginning(watch(withKey(), 'default')), 'told')
    t.equal(await beginning(watch(new Metadata(), 'default')), 'UNAUTHENTICATED')
    t.equal(await beginning(watch(withKey('another-key'), 'default')), 'UNAUTHENTICATED')
  }
  const live = client.watchLive({ tenant: 'other', meter: 'visits', seconds: 60 }, withKey())
  t.equal(await beginning(live), 'PERMISSION_DENIED')
})
