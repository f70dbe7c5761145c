import type { Principal } from '@millrace/catalog/authenticate-key'
import type { CatalogWrite } from '@millrace/catalog/decide-write'
import type { EndpointHold } from '@millrace/proto'
import t from 'tap'
import { createEndpointCommands } from '../src/endpoint-commands.ts'

const operator = { tenant: 'acme', application: 'ops' } as Principal

function setUp() {
  const writes: CatalogWrite[] = []
  const holds = new Map<string, EndpointHold>()
  const steps: string[] = []
  const commands = createEndpointCommands({
    catalog: {
      endpoint: (tenant, name) =>
        tenant === 'acme' && name === 'partner' ? ({ tenant, name, body: {} } as never) : undefined,
    },
    async writeCatalog(write) {
      steps.push('replay')
      writes.push(write)
      return { version: 1, body: write.body ?? {}, updatedAt: '', updatedBy: '', created: true }
    },
    holds: {
      find: (_tenant, endpoint) => holds.get(endpoint),
      async put(_tenant, hold) {
        holds.set(hold.endpoint, hold)
        return hold
      },
      async remove(_tenant, endpoint) {
        steps.push('release')
        holds.delete(endpoint)
      },
    },
    newId: () => '1',
    now: () => 1_767_225_600_000_001,
  })
  return { commands, writes, holds, steps }
}

t.test('a release takes the hold away before it replays what was held', async (t) => {
  const { commands, writes, holds, steps } = setUp()
  const hold = await commands.hold(operator, 'partner', 'repairs')
  t.match(hold, { by: 'ops', reason: 'repairs', since: { seconds: 1_767_225_600, nanos: 1_000 } })
  await t.rejects(commands.release(operator, 'partner', 1_000_000), { code: 'invalid-request' })
  t.equal(holds.size, 1, 'what is refused changes nothing')
  t.equal(await commands.release(operator, 'partner', 20), 'rep_1')
  t.same(steps, ['release', 'replay'])
  t.equal(holds.size, 0)
  t.match(writes[0], {
    tenant: 'acme',
    kind: 'replay',
    body: { filter: { status: 'held', endpoint: 'partner' }, ratePerSecond: 20, status: 'accepted' },
  })
})

t.test('endpoints of others, and endpoints for constrained keys, are out of reach', async (t) => {
  const { commands, steps } = setUp()
  const constrained = { ...operator, constraints: { subjects: ['ward-7/*'] } } as Principal
  for (const ask of [
    (who: Principal, endpoint: string): Promise<unknown> => commands.hold(who, endpoint, ''),
    (who: Principal, endpoint: string): Promise<unknown> => commands.release(who, endpoint, undefined),
  ]) {
    await t.rejects(ask(operator, 'nobody'), { code: 'not-found' })
    await t.rejects(ask({ ...operator, tenant: 'other' }, 'partner'), { code: 'not-found' })
    await t.rejects(ask(constrained, 'partner'), { code: 'forbidden' })
  }
  t.same(steps, [])
})

t.test('a replay is checked as over HTTP, and carries what its key is constrained to', async (t) => {
  const { commands, writes } = setUp()
  const constraints = { eventTypes: ['order.*'] }
  await t.rejects(commands.replay(operator, { filter: { status: 'lost' as 'dead' } }), {
    code: 'invalid-request',
    faults: [{ pointer: '/filter/status' }],
  })
  await commands.replay({ ...operator, constraints } as Principal, { filter: { ids: ['dl_1'] } })
  t.match(writes[0]?.body, { what: 'deliveries', constraints, ratePerSecond: 100 })
  await t.rejects(commands.hold(operator, 'partner', 'x'.repeat(5_000)), { code: 'invalid-request' })
})
