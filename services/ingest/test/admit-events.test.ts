import type { Principal } from '@millrace/catalog/authenticate-key'
import { createKeyUsageBook } from '@millrace/catalog/key-usage'
import { ServiceError } from '@millrace/service-kit/errors'
import t from 'tap'
import { admitEvents } from '../src/admit-events.ts'
import { readEvent } from '../src/read-event.ts'
import { sampleReception } from './sample-reception.ts'

const key: Principal = {
  tenant: 'acme',
  application: 'web-shop',
  keyId: 'key_1',
  scopes: new Set(['events:write'] as const),
}
const event = (type: string, subject?: string) =>
  readEvent({ type, subject }, sampleReception(), () => t.fail('the event is good'))

t.test('events within the constraints are admitted', async (t) => {
  const limits = createKeyUsageBook('test')
  t.doesNotThrow(() => admitEvents(limits, key, [event('any')]))
  const constrained = { ...key, constraints: { eventTypes: ['visit.*'], subjects: ['ward-7/*'] } }
  t.doesNotThrow(() => admitEvents(limits, constrained, [event('visit.a', 'ward-7/a')]))
})

t.test('one event outside refuses the batch, and each such event is named', async (t) => {
  const limits = createKeyUsageBook('test')
  const limited = {
    ...key,
    rateLimit: { perSecond: 100 },
    constraints: { eventTypes: ['visit.*'], subjects: ['ward-7/*'] },
  }
  const events = [event('visit.a', 'ward-7/a'), event('visit.a'), event('order', 'ward-8/a')]
  const error = t.throws(() => admitEvents(limits, limited, events)) as ServiceError
  t.ok(error instanceof ServiceError)
  t.equal(error.code, 'forbidden')
  t.same(
    error.faults.map(({ index, pointer }) => [index, pointer]),
    [
      [1, '/subject'],
      [2, '/type'],
      [2, '/subject'],
    ],
  )
  t.match(limits.take(limited, 1), { remaining: 99 }, 'what was refused took nothing')
})

t.test('a batch takes a token for each event but the first, which the request has taken', async (t) => {
  const limits = createKeyUsageBook('test')
  const limited = { ...key, rateLimit: { perSecond: 10 } }
  limits.take(limited, 1)
  t.equal(admitEvents(limits, limited, [event('a')]), undefined)
  t.match(admitEvents(limits, limited, Array(5).fill(event('a'))), { remaining: 5 })
  t.match(admitEvents(limits, limited, Array(100).fill(event('a'))), { admitted: true, remaining: 0 })
  t.match(limits.take(limited, 1), { admitted: false })
})
