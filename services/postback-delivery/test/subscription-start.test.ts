import type { KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { chooseStarts, writePlace } from '../src/subscription-start.ts'

const logger = createLogger('test', 'silent')

async function startOf(committed: { offset?: number; metadata?: string }, hasEndpoints = true) {
  const asked: string[] = []
  const consumer = {
    committed: async () => [{ topic: 'events', partition: 3, ...committed }],
    watermarks: async () => {
      asked.push('end')
      return { low: 10, high: 99 }
    },
  } as unknown as KafkaConsumer
  const deps = {
    logger,
    hasEndpoints: async () => {
      asked.push('catalog')
      return hasEndpoints
    },
  }
  const [start] = await chooseStarts(consumer, [{ topic: 'events', partition: 3 }], deps, () => false)
  return { start, asked }
}

t.test('what was begun goes on where it was committed, in the middle of a message too', async (t) => {
  t.same((await startOf({ offset: 42, metadata: '' })).start, { partition: 3, offset: 42, after: undefined })
  const place = { record: 12, endpoint: 'partner-a' }
  const { start } = await startOf({ offset: 42, metadata: writePlace(place) })
  t.same(start, { partition: 3, offset: 42, after: place })
  const foreign = await startOf({ offset: 42, metadata: 'somebody’s' })
  t.same(foreign.start, { partition: 3, offset: 42, after: undefined })
})

t.test('what was not begun is read from its beginning, for endpoints that are there', async (t) => {
  t.same((await startOf({})).start, { partition: 3, offset: 10, after: undefined })
})

t.test('and from its end where there is none: asked for before the catalog is read', async (t) => {
  const { start, asked } = await startOf({ offset: -1001 }, false)
  t.same(start, { partition: 3, offset: 99, after: undefined })
  t.same(asked, ['end', 'catalog'], 'an endpoint that is created in between is seen')
})
