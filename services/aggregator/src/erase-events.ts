import { setTimeout as sleep } from 'node:timers/promises'
import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import type { Logger } from '@millrace/service-kit/log'
import { createCaptureEraser } from './erase-captures.ts'
import type { OffsetRange } from './pending-range.ts'
import { queryRows } from './query-rows.ts'
import { retryUntilDone } from './retry.ts'

/** Erases what the range's retractions say; resolves once that is written down, and most often done. */
export type Erase = (partition: number, range: OffsetRange, signal: AbortSignal) => Promise<void>

/** What tells of an event: single readings too, since their groups may hold what it said. */
const tablesOfEvents = ['events', 'invalid_events', 'meter_readings', 'backfilled_readings'] as const

/** Names of events stand in the text. */
const settings = { max_query_size: String(16 * 1024 * 1024) } as const
const checkEveryMs = 25
const longestWaitMs = 2_000

/**
 * Goes by the changes that have landed, so that it does the same again after a crash half-way. Once ClickHouse has written a
 * deletion down it carries it out, whatever dies; behind a long one (retention) it may take longer than landing waits.
 * @param limitMs what an attempt may take at first; after one that was not done by then it is more
 */
export function createEraser(clickhouse: ClickHouseClient, logger: Logger, limitMs: number): Erase {
  const captures = createCaptureEraser(clickhouse)
  const eraseOnce = async (
    partition: number,
    { from, to }: OffsetRange,
    signal: AbortSignal,
  ): Promise<void> => {
    const parameters = { partition, from, to }
    const erased = `SELECT event_offset, event_index, tenant, source, id FROM event_changes
      WHERE kafka_partition = {partition: UInt32} AND kafka_offset BETWEEN {from: UInt64} AND {to: UInt64}
        AND erased AND status = 'applied'`
    const rows = await queryRows<[offset: number | string, index: number, ...name: string[]]>(
      clickhouse,
      { query: erased, query_params: parameters, format: 'JSONCompactEachRow' },
      signal,
    )
    const places = rows.map(([offset, index]) => `(${Number(offset)},${Number(index)})`)
    if (places.length === 0) return
    const names = rows.map(([, , tenant = '', source = '', id = '']) => ({ tenant, source, id }))
    await captures.erase(names, signal)
    const condition = `kafka_partition = ${partition} AND (kafka_offset, kafka_index) IN (${places.join(',')})`
    for (const table of tablesOfEvents) {
      // The client does not look at what was aborted before.
      signal.throwIfAborted()
      await clickhouse.command({
        query: `DELETE FROM ${table} WHERE ${condition}`,
        clickhouse_settings: { ...settings, lightweight_deletes_sync: '0' },
        abort_signal: signal,
      })
    }
    if (!(await areGone(condition, signal))) {
      logger.warn(
        { partition, events: places.length },
        'erasing waits for other changes of the tables, it goes on',
      )
    }
  }

  const areGone = async (condition: string, signal: AbortSignal): Promise<boolean> => {
    const left = tablesOfEvents
      .map((table) => `(SELECT count() FROM ${table} WHERE ${condition})`)
      .join(' + ')
    const until = performance.now() + longestWaitMs
    do {
      const [row] = await queryRows<[number]>(
        clickhouse,
        { query: `SELECT toUInt32(${left})`, format: 'JSONCompactEachRow', clickhouse_settings: settings },
        signal,
      )
      if (row?.[0] === 0) return true
      await sleep(checkEveryMs, undefined, { signal })
    } while (performance.now() < until)
    return false
  }
  return (partition, range, signal) =>
    retryUntilDone((ofAttempt) => eraseOnce(partition, range, ofAttempt), {
      signal,
      limitMs,
      onFailure: (error, attempt) => {
        if (attempt % 10 === 1) logger.warn({ partition, attempt, err: error }, 'events cannot be erased yet')
      },
    })
}
