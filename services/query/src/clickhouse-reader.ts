import { ClickHouseError, parseError } from '@clickhouse/client'
import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import { ReplicaBehindError } from '@millrace/service-kit/clickhouse-replicas'
import { ServiceError } from '@millrace/service-kit/errors'
import type { Logger } from '@millrace/service-kit/log'
import type { Statement } from './statement.ts'

/** A column as ClickHouse's JSON gives it; numbers that must stay exact are asked for as text. */
export type Cell = string | number | boolean | null | readonly Cell[]
export type Row = readonly Cell[]

export interface ClickhouseReader {
  /**
   * @param maxRowsRead rather than what one question may have read
   * @throws {TooManyRowsReadError} when that is given and too little
   * @throws {ServiceError} `unavailable` when ClickHouse is absent, slow or without the tables,
   *   `invalid-request` when the statement costs more than one request may
   */
  read(statement: Statement, maxRows: number, maxRowsRead?: number): Promise<readonly Row[]>
}

export interface ReadLimits {
  readonly maxQuerySeconds: number
  readonly maxQueryMemoryBytes: number
  readonly maxQueryRows: number
}

/** It took longer than one question may; for less there may be an answer. */
export class TooSlowError extends ServiceError {
  constructor(cause: unknown) {
    super('unavailable', 'ClickHouse took too long. Ask again, or for less.', { retryAfterSeconds: 5, cause })
  }
}

/** ClickHouse would have to read more rows than the caller wants it to. */
export class TooManyRowsReadError extends Error {}

/** Whether a smaller question may be answered where this one was not. */
export function isTooCostly(error: unknown): boolean {
  return error instanceof TooSlowError || (error instanceof ServiceError && error.code === 'invalid-request')
}

/** Codes of ClickHouse's errors. Source: src/Common/ErrorCodes.cpp. */
const codes = {
  unknownTable: '60',
  unknownDatabase: '81',
  tooManyRowsRead: '158',
  timeoutExceeded: '159',
  tooSlow: '160',
  tooManyQueries: '202',
  memoryLimit: '241',
  tooManyRows: '396',
  poco: '1000',
  badArguments: '36',
} as const

export function createClickhouseReader(
  deps: { client: ClickHouseClient; logger: Logger; countError: (reason: string) => void },
  limits: ReadLimits,
): ClickhouseReader {
  return {
    async read({ sql, parameters }, maxRows, maxRowsRead) {
      const abort = AbortSignal.timeout((limits.maxQuerySeconds + 1) * 1_000)
      try {
        const result = await deps.client.query({
          query: sql,
          query_params: { ...parameters },
          format: 'JSONCompactEachRow',
          // Long lists of values do not fit into an address.
          use_multipart_params_auto: true,
          abort_signal: abort,
          clickhouse_settings: {
            // Settings of this query may be given, nothing may be written.
            readonly: '2',
            max_execution_time: limits.maxQuerySeconds,
            max_memory_usage: String(limits.maxQueryMemoryBytes),
            max_rows_to_read: String(maxRowsRead ?? limits.maxQueryRows),
            read_overflow_mode: 'throw',
            max_result_rows: String(maxRows),
            result_overflow_mode: 'throw',
            output_format_json_quote_64bit_integers: 1,
            output_format_json_quote_decimals: 1,
          },
        })
        return parseRows(await result.text())
      } catch (error) {
        if (maxRowsRead !== undefined && codeOf(error) === codes.tooManyRowsRead)
          throw new TooManyRowsReadError('too many rows', { cause: error })
        const told = toReadError(error, abort.aborted)
        deps.countError(told.reason)
        // ClickHouse's own words repeat the values of parameters: they stay out of the log.
        const detail = error instanceof ReplicaBehindError ? error.message : undefined
        deps.logger.warn(
          { part: 'clickhouse', reason: told.reason, code: codeOf(error), detail },
          'read failed',
        )
        throw told.error
      }
    },
  }
}

/**
 * At once: row by row takes twice as long. No text holds a line break as such in JSON.
 * @throws {ClickHouseError} that came behind rows which were on their way already
 */
function parseRows(text: string): readonly Row[] {
  try {
    return JSON.parse(`[${text.trimEnd().replaceAll('\n', ',')}]`) as Row[]
  } catch (error) {
    const told = text.lastIndexOf('Code: ')
    throw told === -1 ? error : parseError(text.slice(told))
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code
}

function tooCostly(reason: string, what: string): { reason: string; error: ServiceError } {
  const detail = `The question needs ${what}. Take a shorter range, longer windows, fewer groups or a filter.`
  return { reason, error: new ServiceError('invalid-request', detail) }
}

function toReadError(error: unknown, timedOut: boolean): { reason: string; error: ServiceError } {
  const unavailable = (reason: string, detail: string) => ({
    reason,
    error: new ServiceError('unavailable', detail, { retryAfterSeconds: 1, cause: error }),
  })
  if (timedOut) return { reason: 'timeout', error: new TooSlowError(error) }
  if (error instanceof ReplicaBehindError)
    return unavailable('replica_behind', 'A replica of ClickHouse lags behind.')
  if (!(error instanceof ClickHouseError)) return unavailable('absent', 'ClickHouse does not answer.')
  switch (error.code) {
    case codes.unknownTable:
    case codes.unknownDatabase:
      return unavailable('no_tables', 'ClickHouse does not have the tables yet.')
    case codes.timeoutExceeded:
    case codes.tooSlow:
      return { reason: 'timeout', error: new TooSlowError(error) }
    case codes.tooManyQueries:
      return unavailable('busy', 'ClickHouse has too much to do.')
    case codes.memoryLimit:
      // Of the whole server: other questions have it, and give it back.
      return /\(total\)/i.test(error.message)
        ? unavailable('busy', 'ClickHouse has too much to do.')
        : tooCostly('memory', 'more memory than one question may take')
    case codes.tooManyRowsRead:
      return tooCostly('cost', 'more rows to be read than one question may have read')
    case codes.tooManyRows:
      return tooCostly('rows', 'more rows than one answer may have')
    default:
      break
  }
  if (/time zone/i.test(error.message)) {
    const detail = 'timezone is not a time zone that ClickHouse knows.'
    return {
      reason: 'timezone',
      error: new ServiceError('invalid-request', detail, { faults: [{ pointer: '/timezone', detail }] }),
    }
  }
  return {
    reason: 'other',
    error: new ServiceError('internal', 'The question could not be answered.', { cause: error }),
  }
}
