import { ClickHouseError } from '@clickhouse/client'
import { ReplicaBehindError } from '@millrace/service-kit/clickhouse-replicas'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { createClickhouseReader, isTooCostly, TooManyRowsReadError } from '../src/clickhouse-reader.ts'

const limits = { maxQuerySeconds: 1, maxQueryMemoryBytes: 1, maxQueryRows: 1 }

/** A reader over a client that answers so, and the reasons of the errors that it has counted. */
function createReader(query: () => Promise<unknown>) {
  const errors: string[] = []
  const reader = createClickhouseReader(
    {
      client: { query } as never,
      logger: createLogger('test', 'silent'),
      countError: (reason) => errors.push(reason),
    },
    limits,
  )
  return { reader, errors }
}

const statement = { sql: 'SELECT 1', parameters: {} }

/** What reading throws when ClickHouse's client throws that. */
function readFailing(error: Error): Promise<unknown> {
  const { reader } = createReader(() => Promise.reject(error))
  return reader.read(statement, 1).catch((thrown: unknown) => thrown)
}

/** What reading gives when ClickHouse writes that. */
function readText(text: string): Promise<unknown> {
  const { reader } = createReader(async () => ({ text: async () => text }))
  return reader.read(statement, 10).catch((thrown: unknown) => thrown)
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
    new ReplicaBehindError('one has answered after two was brought up to date'),
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

t.test('rows are told apart by line, whatever their texts hold', async (t) => {
  t.same(await readText(''), [])
  t.same(await readText('["a\\nb",1,null]\n["\u2028],[",[2],true]\n'), [
    ['a\nb', 1, null],
    ['\u2028],[', [2], true],
  ])
})

t.test('an error that comes behind rows is told as one that comes before them', async (t) => {
  const error =
    'Code: 159. DB::Exception: Timeout exceeded: elapsed 1 s. (TIMEOUT_EXCEEDED) (version 26.7.2.1)'
  const found = await readText(
    `["a"]\n["Code: 1"]\n\r\n__exception__\r\nabc\r\n${error}\r\n120 abc\r\n__exception__`,
  )
  t.match(found, { code: 'unavailable', retryAfterSeconds: 5 })
  t.match(await readText(`["a"]\n["b`), { code: 'unavailable', retryAfterSeconds: 1 }, 'one that broke off')
})

t.test('who wants no more read than so much is told apart, and it is no error', async (t) => {
  const { reader, errors } = createReader(() => Promise.reject(refused('158', 'TOO_MANY_ROWS')))
  const thrown = await reader.read(statement, 1, 5).catch((error: unknown) => error)
  t.ok(thrown instanceof TooManyRowsReadError)
  t.same(errors, [])
  await t.rejects(reader.read(statement, 1), { code: 'invalid-request' })
  t.same(errors, ['cost'])
})
