import { ClickHouseError } from '@clickhouse/client'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { createClickhouseReader, isTooCostly } from '../src/clickhouse-reader.ts'

const limits = { maxQuerySeconds: 1, maxQueryMemoryBytes: 1, maxQueryRows: 1 }

/** What reading throws when ClickHouse's client throws that. */
async function readFailing(error: Error): Promise<unknown> {
  const client = { query: () => Promise.reject(error) }
  const reader = createClickhouseReader(
    { client: client as never, logger: createLogger('test', 'silent'), countError: () => {} },
    limits,
  )
  return reader.read({ sql: 'SELECT 1', parameters: {} }, 1).catch((thrown: unknown) => thrown)
}

const refused = (code: string, type: string, message = type): Error =>
  new ClickHouseError({ code, type, message })

t.test('what costs too much is told apart from what cannot be had now', async (t) => {
  for (const [code, type] of [
    ['158', 'TOO_MANY_ROWS'],
    ['159', 'TIMEOUT_EXCEEDED'],
    ['160', 'TOO_SLOW'],
    ['241', 'MEMORY_LIMIT_EXCEEDED'],
    ['396', 'TOO_MANY_ROWS_OR_BYTES'],
  ] as const) {
    t.ok(isTooCostly(await readFailing(refused(code, type))), type)
  }
  for (const error of [
    refused('202', 'TOO_MANY_SIMULTANEOUS_QUERIES'),
    refused('241', 'MEMORY_LIMIT_EXCEEDED', '(total) memory limit exceeded'),
    refused('60', 'UNKNOWN_TABLE'),
    new Error('connect ECONNREFUSED'),
  ]) {
    const thrown = await readFailing(error)
    t.match(thrown, { code: 'unavailable', retryAfterSeconds: 1 })
    t.notOk(isTooCostly(thrown), error.message)
  }
})

t.test('a time-out says to ask again later', async (t) => {
  t.match(await readFailing(refused('159', 'TIMEOUT_EXCEEDED')), {
    code: 'unavailable',
    retryAfterSeconds: 5,
  })
})
