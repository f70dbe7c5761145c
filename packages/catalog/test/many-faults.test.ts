import type { Fault } from '@millrace/service-kit/errors'
import t from 'tap'
import { Compile } from 'typebox/compile'
import { checkEventType } from '../src/check-event-type.ts'
import { checkKeyRequest } from '../src/check-key.ts'
import { checkMeter } from '../src/check-meter.ts'
import { checkReplay } from '../src/check-replay.ts'
import { checkShape } from '../src/check-shape.ts'
import { TenantSettings } from '../src/settings-resource.ts'

/** More than the faults that are looked for: they come before what else is wrong. */
const unknown = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`unknown${index}`, 0]))
const checkKey = (body: unknown): Fault[] => checkKeyRequest(body, 0)
const settings = Compile(TenantSettings)
const checkSettings = (body: unknown): Fault[] => checkShape(settings, body)
const meter = { eventTypes: ['a'], aggregation: 'count' }
const key = { application: 'shop', scopes: ['events:write'] }

const cases: readonly [what: string, check: (body: unknown) => Fault[], body: object, wrong: object][] = [
  ['event type', checkEventType, {}, { rates: 5 }],
  ['event type', checkEventType, {}, { schema: 5 }],
  ['meter', checkMeter, meter, { groupBy: { page: 5 } }],
  ['meter', checkMeter, meter, { eventTypes: 5 }],
  ['key', checkKey, key, { rateLimit: { perSecond: -1 } }],
  ['key', checkKey, key, { expiresAt: 5 }],
  ['replay of events', checkReplay, { what: 'events', filter: { ids: ['a'] } }, { filter: { ids: 5 } }],
  ['replay of deliveries', checkReplay, { what: 'deliveries', filter: {} }, { filter: { from: 5 } }],
  ['settings', checkSettings, { unknownEventTypes: 'accept' }, { unknownEventTypes: 'perhaps' }],
]

t.test('a thousand unknown members hide nothing: the body is refused', async (t) => {
  for (const [what, check, body, wrong] of cases) {
    t.match(
      check({ ...body, ...unknown, ...wrong }),
      [{ detail: /unknown members/ }],
      `${what}, wrong besides`,
    )
    t.match(check({ ...body, ...unknown }), [{ detail: /unknown members/ }], what)
  }
  const inside = { ...meter, filter: { exact: { type: 'a' } }, groupBy: { page: 5 } }
  t.not(checkMeter({ ...inside, ...unknown }).length, 0)
  const nested = { what: 'events', filter: { ...unknown, ids: 5 } }
  t.not(checkReplay(nested).length, 0, 'a level down')
})

t.test('where a list fills up what is told, the members behind it are not looked at further', async (t) => {
  const tooMany = { pointer: '', detail: /too many faults/ }
  const fives = Array.from({ length: 1_001 }, () => 5)
  t.has(
    checkMeter({ eventTypes: fives, aggregation: 'count', groupBy: null }).at(-1),
    { pointer: '' },
    'no member of it was taken for sound',
  )
  t.match(checkReplay({ what: 'events', filter: { ids: fives, from: 5 } }).at(-1), tooMany)
  t.match(checkEventType({ rates: Array.from({ length: 1_001 }, () => ({})), schema: 5 }).at(-1), tooMany)
})
