import { once } from 'node:events'
import { type ClientReadableStream, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import t from 'tap'
import { createMeshFixture, until } from './mesh-fixture.ts'
import { connect, withKey } from './watch.ts'
import { writeKey } from './write-key.ts'

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
  const watchLive = async (key: string | undefined, tenant: string): Promise<string> =>
    await beginning(client.watchLive({ tenant, meter: 'visits', seconds: 60 }, withKey(key)))
  t.equal(await watchLive(undefined, 'other'), 'told', 'query asks with the root key for every tenant')
  const scopes = ['reports:read']
  const reader = await writeKey(mesh, 'other', { scopes })
  const writer = await writeKey(mesh, 'other', { scopes: ['events:write'] })
  const constrained = await writeKey(mesh, 'other', { scopes, constraints: { subjects: ['ward-7/*'] } })
  const expired = await writeKey(mesh, 'other', { scopes, expiresAt: '2020-01-01T00:00:00Z' })
  const late = await writeKey(mesh, 'other', { scopes })
  await until('the keys are known', async () => (await watchLive(late, 'other')) === 'told')
  t.equal(await watchLive(reader, 'other'), 'told')
  t.equal(await watchLive(reader, 'default'), 'PERMISSION_DENIED')
  t.equal(await watchLive(writer, 'other'), 'PERMISSION_DENIED')
  t.equal(await watchLive(constrained, 'other'), 'PERMISSION_DENIED')
  t.equal(await watchLive(expired, 'other'), 'UNAUTHENTICATED')
})
