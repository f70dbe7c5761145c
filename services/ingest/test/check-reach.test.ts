import type { CatalogWrite } from '@millrace/catalog/decide-write'
import t from 'tap'
import { withinReach } from '../src/check-reach.ts'

const result = { version: 1, body: {}, updatedAt: '', updatedBy: '', created: true }

/** Whether a key that is constrained so may write so. */
async function outcome(
  constraints: CatalogWrite['constraints'],
  write: Pick<CatalogWrite, 'kind' | 'name' | 'body'> & Partial<CatalogWrite>,
  existing?: object,
): Promise<string> {
  const writeCatalog = withinReach(async ({ change, check }) => {
    if (existing !== undefined) check?.(existing)
    change?.(existing)
    return result
  })
  const whole = {
    tenant: 'acme',
    application: 'a',
    ...write,
    ...(constraints !== undefined && { constraints }),
  }
  return await writeCatalog(whole).then(
    () => 'written',
    ({ code }: { code: string }) => code,
  )
}

const visits = { eventTypes: ['visit.*'] }

t.test('an unconstrained key writes the whole catalog', async (t) => {
  t.equal(await outcome(undefined, { kind: 'event-type', name: 'order', body: {} }), 'written')
  t.equal(await outcome(undefined, { kind: 'endpoint', name: 'a', body: {} }), 'written')
})

t.test('a constrained key changes no types but its own', async (t) => {
  t.equal(await outcome(visits, { kind: 'event-type', name: 'visit.a', body: {} }), 'written')
  t.equal(await outcome(visits, { kind: 'event-type', name: 'order', body: {} }), 'forbidden')
  t.equal(await outcome(visits, { kind: 'event-type', name: 'order', body: undefined }), 'forbidden')
})

t.test('it counts no other events, and has no others delivered', async (t) => {
  for (const kind of ['meter', 'endpoint'] as const) {
    const write = (eventTypes?: string[]) => ({ kind, name: 'a', body: eventTypes ? { eventTypes } : {} })
    t.equal(await outcome(visits, write(['visit.a', 'visit.b'])), 'written', kind)
    t.equal(await outcome(visits, write(['visit.a', 'order'])), 'forbidden', kind)
    t.equal(await outcome(visits, write()), 'forbidden', `${kind} of all types`)
  }
  const change = () => ({ eventTypes: ['order'] })
  t.equal(await outcome(visits, { kind: 'endpoint', name: 'a', body: undefined, change }), 'forbidden')
})

t.test('who may read some subjects has nothing delivered, since endpoints get all', async (t) => {
  const constraints = { subjects: ['ward-7/*'] }
  t.equal(
    await outcome(constraints, { kind: 'endpoint', name: 'a', body: { eventTypes: ['a'] } }),
    'forbidden',
  )
  t.equal(await outcome(constraints, { kind: 'meter', name: 'a', body: { eventTypes: ['a'] } }), 'written')
})

t.test('what reaches further is not replaced, and not deleted', async (t) => {
  const mine = { eventTypes: ['visit.a'] }
  for (const kind of ['meter', 'endpoint'] as const) {
    for (const body of [mine, undefined]) {
      t.equal(await outcome(visits, { kind, name: 'a', body }, mine), 'written')
      t.equal(await outcome(visits, { kind, name: 'a', body }, { eventTypes: ['order'] }), 'forbidden')
      t.equal(await outcome(visits, { kind, name: 'a', body }, {}), 'forbidden')
    }
  }
  const write = { kind: 'endpoint', name: 'a', body: undefined, change: () => mine } as const
  t.equal(await outcome(visits, write, { eventTypes: ['order'] }), 'forbidden')
})

t.test('settings hold for all events', async (t) => {
  t.equal(await outcome(visits, { kind: 'settings', name: 'tenant', body: {} }), 'forbidden')
  t.equal(await outcome(undefined, { kind: 'settings', name: 'tenant', body: {} }), 'written')
})
