import type { CatalogEntry, Meter } from '@millrace/catalog/resources'
import t from 'tap'
import { constrainLive } from '../src/constrain-live.ts'
import type { LivePush } from '../src/live-hub.ts'
import type { LiveCell } from '../src/live-merge.ts'

function meter(body: Partial<Meter> = {}): CatalogEntry<Meter> {
  return {
    tenant: 'default',
    kind: 'meter',
    name: 'visits',
    version: 1,
    body: {
      eventTypes: ['visit.recorded', 'visit.ended'],
      aggregation: 'count',
      groupBy: { page: '/data/path', caregiver: '/subject' },
      ...body,
    },
    updatedAt: '',
    updatedBy: '',
  }
}

const cell = (group: readonly string[], count: number): LiveCell => ({
  group,
  count,
  sum: 0n,
  min: undefined,
  max: undefined,
})

/** Groups are values of the dimensions by name: caregiver, page. */
function push(dimensions: readonly string[] = ['caregiver', 'page']): LivePush {
  const second = (at: number, groups: readonly LiveCell[]) => ({
    second: at,
    groups,
    total: cell(
      [],
      groups.reduce((sum, { count }) => sum + count, 0),
    ),
  })
  const all = [
    second(1, [cell(['ward-7/a', '/x'], 2), cell(['ward-8/a', '/x'], 5), cell(['', '/x'], 7)]),
    second(2, [cell(['ward-8/a', '/y'], 3)]),
    second(3, [cell(['ward-7/b', '/x'], 4), cell([], 9)]),
  ]
  return {
    id: '1',
    meter: { dimensions } as never,
    asOfUs: 0,
    sources: 1,
    reset: false,
    changed: all.slice(2),
    all,
  }
}

t.test('who is constrained to no subjects sees meters of the types that they may read', async (t) => {
  t.equal(constrainLive({ tenant: 'default' }, meter()), undefined)
  t.equal(constrainLive({ tenant: 'default', constraints: { eventTypes: ['visit.*'] } }, meter()), undefined)
  t.throws(
    () => constrainLive({ tenant: 'default', constraints: { eventTypes: ['visit.recorded'] } }, meter()),
    { code: 'forbidden', message: /visit\.ended/ },
  )
})

t.test('who is constrained to subjects sees their groups, and totals of those', async (t) => {
  const filter = constrainLive({ tenant: 'default', constraints: { subjects: ['ward-7/*'] } }, meter())
  const seen = filter?.(push())
  t.equal(seen?.reset, true, 'always complete')
  t.same(
    seen?.all.map(({ second, total, groups }) => [second, total.count, groups.map(({ group }) => group)]),
    [
      [1, 2, [['ward-7/a', '/x']]],
      [3, 4, [['ward-7/b', '/x']]],
    ],
    'not of the others, not without subject, not what an aggregator put together',
  )
  t.same(seen?.changed, seen?.all)
})

t.test(
  'a meter of amounts, which is grouped by currency and settlement too, is seen by subject',
  async (t) => {
    const amounts = push(['caregiver', 'currency', 'settled'])
    const all = [
      {
        second: 1,
        groups: [cell(['ward-7/a', 'EUR', 'false'], 2), cell(['ward-8/a', 'EUR', 'false'], 5), cell([], 9)],
        total: cell([], 16),
      },
    ]
    const entry = meter({ aggregation: 'sum', groupBy: { caregiver: '/subject' } })
    const filter = constrainLive({ tenant: 'default', constraints: { subjects: ['ward-7/*'] } }, entry)
    const seen = filter?.({ ...amounts, changed: all, all })
    t.strictSame(
      seen?.all.map(({ total, groups }) => [total.count, groups.map(({ group }) => group)]),
      [[2, [['ward-7/a', 'EUR', 'false']]]],
    )
  },
)

t.test('a meter that does not tell subjects apart is refused to them', async (t) => {
  const constraints = { subjects: ['ward-7/*'] }
  for (const groupBy of [undefined, { page: '/data/path' }]) {
    const body = groupBy === undefined ? {} : { groupBy }
    const entry = meter(body)
    if (groupBy === undefined) delete entry.body.groupBy
    t.throws(() => constrainLive({ tenant: 'default', constraints }, entry), { code: 'forbidden' })
  }
})
