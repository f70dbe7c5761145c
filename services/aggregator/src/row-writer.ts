import { addAbortSignal, Readable } from 'node:stream'
import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import type { Logger } from '@millrace/service-kit/log'
import type { Readiness } from '@millrace/service-kit/readiness'
import { retryUntilDone } from './retry.ts'

export interface RowBlock {
  readonly table: string
  readonly columns: readonly string[]
  /** In pieces that follow each other or in one. */
  readonly rows: Buffer | readonly Buffer[]
  /** RowBinary where nothing is said. */
  readonly format?: 'RowBinary' | 'Native'
  /** Names the block for ever: the same token must come with the same rows. Undefined where repeats do no harm. */
  readonly token: string | undefined
  /** Another process may have tried to insert it. */
  readonly mayBeThere?: boolean
  /** Resolves when the block may still be inserted; asked before each attempt. */
  readonly confirm?: () => Promise<void>
}

export interface RowWriter {
  /**
   * Resolves once the block is in the table, and in what is fed from it, exactly once per token. Tries again until
   * then; rejects only when `signal` aborts.
   */
  insert(block: RowBlock, signal: AbortSignal): Promise<void>
}

/** Far above any batch: the token holds for a block, so an insert has to be one. */
const unlimited = '1000000000'

const oneBlock = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_block_size: unlimited,
  min_insert_block_size_rows: unlimited,
  min_insert_block_size_bytes: '1000000000000',
  min_insert_block_size_rows_for_materialized_views: unlimited,
  min_insert_block_size_bytes_for_materialized_views: '1000000000000',
  max_insert_threads: '1',
  // A view groups the block by meter, minute and group: in one piece, however many there are.
  max_threads: 1,
  group_by_two_level_threshold: '0',
  group_by_two_level_threshold_bytes: '0',
  // Rollups get each key once from their view; looking for further ones to sum up costs a pass over all of them.
  optimize_on_insert: 0,
  // One batch may hold events of many months; refusing it would stop the partition for ever.
  max_partitions_per_insert_block: '0',
  // A success is told only after everything is written.
  wait_end_of_query: 1,
} as const

interface Deps {
  readonly clickhouse: ClickHouseClient
  readonly readiness: Readiness
  readonly logger: Logger
  readonly onRetry: (error: unknown) => void
  /** What an attempt may take at first; after one that was not done by then it is more. */
  readonly limitMs: number
  /** The tables are on several replicas. */
  readonly replicated?: boolean
}

/**
 * A truncated request is refused by ClickHouse as a whole: half a block never takes its token. An insert is over when its
 * request is, never just because its signal aborted: until then its rows are being read.
 *
 * A replica that is given a block which another one was given before waits until most have it, and says that it is done
 * also when the other one has died with it and the block was given up, token and all. So it is asked once more: now it
 * takes the block, or most really have it.
 */
export function createRowWriter(deps: Deps): RowWriter {
  const { clickhouse, readiness, logger, onRetry, limitMs, replicated = false } = deps
  const insertOnce = async (
    { table, columns, rows, format = 'RowBinary', token }: RowBlock,
    signal: AbortSignal,
  ): Promise<void> => {
    // The client does not look at what was aborted before.
    signal.throwIfAborted()
    const { stream } = await clickhouse.exec({
      query: `INSERT INTO ${table} (${columns.join(', ')}) FORMAT ${format}`,
      values: Readable.from(Buffer.isBuffer(rows) ? [rows] : rows, { objectMode: false }),
      clickhouse_settings: { ...oneBlock, ...(token !== undefined && { insert_deduplication_token: token }) },
      abort_signal: signal,
    })
    // Nor does it listen any more once the answer has begun, all rows having been read.
    for await (const _chunk of addAbortSignal(signal, stream));
  }
  return {
    async insert(block, signal) {
      let mayBeThere = block.mayBeThere ?? false
      const attempt = async (ofAttempt: AbortSignal): Promise<void> => {
        const times = replicated && mayBeThere ? 2 : 1
        mayBeThere = true
        for (let time = 0; time < times; time += 1) {
          await block.confirm?.()
          await insertOnce(block, ofAttempt)
        }
      }
      await retryUntilDone(attempt, {
        signal,
        limitMs,
        onFailure: (error, attempts) => {
          onRetry(error)
          readiness.set('clickhouse', 'inserts fail')
          if (attempts % 10 === 1) {
            logger.warn(
              { table: block.table, token: block.token, attempt: attempts, err: error },
              'insert failed, trying again',
            )
          }
        },
      })
      readiness.set('clickhouse', undefined)
    },
  }
}

/** ClickHouse's number of the error; "none" where it gave no answer. */
export function errorCode(error: unknown): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^\d{1,5}$/.test(code) ? code : 'none'
}
