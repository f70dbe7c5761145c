import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import { chunkNames } from './chunk-names.ts'
import { queryRows } from './query-rows.ts'

/** An event as its deliveries name it. */
export interface DeliveredEvent {
  readonly tenant: string
  readonly source: string
  readonly id: string
  readonly type: string
}

/**
 * Takes out of `deliveries` what its attempts tell of an event that was erased: addresses, which may hold its data, and
 * what receivers answered. That there were attempts, when and with which code, stays.
 */
export interface CaptureEraser {
  /** Resolves once it is written down that they are to be erased. */
  erase(events: readonly Omit<DeliveredEvent, 'type'>[], signal: AbortSignal): Promise<void>
  /**
   * The same for those of the events that were erased already. Called after their rows were inserted: whatever comes
   * first, the erasure or the rows, the other one finds it.
   */
  eraseLate(events: readonly DeliveredEvent[], signal: AbortSignal): Promise<void>
}

const named = `(tenant, event_source, event_id) IN (SELECT arrayJoin(arrayZip(
  {tenants: Array(String)}, {sources: Array(String)}, {ids: Array(String)})))`
const captured = `(url != '' OR response_body != '' OR error_detail != '')`

export function createCaptureEraser(clickhouse: ClickHouseClient): CaptureEraser {
  const eraseSome: CaptureEraser['erase'] = async (events, signal) => {
    const query_params = {
      tenants: events.map(({ tenant }) => tenant),
      sources: events.map(({ source }) => source),
      ids: events.map(({ id }) => id),
    }
    const where = `event_id IN {ids: Array(String)} AND ${captured} AND ${named}`
    // Changing rows rewrites parts: only where there is something to change.
    const found = await queryRows(
      clickhouse,
      {
        query: `SELECT 1 FROM deliveries WHERE ${where} LIMIT 1`,
        query_params,
        format: 'JSONCompactEachRow',
      },
      signal,
    )
    if (found.length === 0) return
    // The client does not look at what was aborted before.
    signal.throwIfAborted()
    await clickhouse.command({
      query: `ALTER TABLE deliveries UPDATE url = '', response_body = '', error_detail = '' WHERE ${where}`,
      query_params,
      // Once it is written down ClickHouse carries it out, be it behind a long one: landing does not wait for it.
      clickhouse_settings: { mutations_sync: '0', allow_nondeterministic_mutations: 1 },
      abort_signal: signal,
    })
  }
  const erase: CaptureEraser['erase'] = async (events, signal) => {
    for (const some of chunkNames(events, namesOf)) await eraseSome(some, signal)
  }
  const eraseLate: CaptureEraser['eraseLate'] = async (events, signal) => {
    const question = {
      query: `SELECT DISTINCT tenant, source, id FROM event_changes
        WHERE tenant IN {tenants: Array(String)} AND kind = 'retraction' AND type IN {types: Array(String)}
          AND id IN {ids: Array(String)} AND erased AND status = 'applied'`,
      query_params: {
        tenants: [...new Set(events.map(({ tenant }) => tenant))],
        types: [...new Set(events.map(({ type }) => type))],
        ids: [...new Set(events.map(({ id }) => id))],
      },
      format: 'JSONCompactEachRow',
    } as const
    const rows = await queryRows<[tenant: string, source: string, id: string]>(clickhouse, question, signal)
    await erase(
      rows.map(([tenant, source, id]) => ({ tenant, source, id })),
      signal,
    )
  }
  return {
    erase,
    async eraseLate(events, signal) {
      for (const some of chunkNames(events, namesOf)) await eraseLate(some, signal)
    },
  }
}

function namesOf(event: Omit<DeliveredEvent, 'type'> & { readonly type?: string }): readonly string[] {
  return [event.tenant, event.source, event.id, event.type ?? '']
}
