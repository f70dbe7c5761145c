import { setTimeout as sleep } from 'node:timers/promises'
import { type Duration, parseDuration, subtractDuration } from '@millrace/catalog/duration'
import type { CatalogEntry, EventType } from '@millrace/catalog/resources'
import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import type { Logger } from '@millrace/service-kit/log'
import { Counter, type Registry } from '@millrace/service-kit/metrics'
import {
  countExpired,
  countUnfinished,
  type Expired,
  expiredParameters,
  removeExpired,
} from './retention-sql.ts'
import { everythingOf, type Touches } from './touches.ts'

export interface RetentionDeps {
  readonly eventTypes: () => readonly CatalogEntry<EventType>[]
  readonly lanes: () => readonly { readonly partition: number }[]
  readonly clickhouse: ClickHouseClient
  readonly touches: Pick<Touches, 'during'>
  readonly removed: Counter<'table'>
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface RetentionConfig {
  readonly retentionEveryMs: number
  readonly dedupeWindowMs: number
}

export interface RetentionRunner {
  stop(): Promise<void>
}

/** Its owner removes what has expired. Two that both think so remove the same. */
const responsiblePartition = 0
const firstAfterMs = 1_000
const checkEveryMs = 500

export function createRemovedCounter(registry: Registry): Counter<'table'> {
  return new Counter({
    name: 'millrace_aggregator_events_expired_total',
    help: 'events removed because the retention of their type has passed, by table',
    labelNames: ['table'],
    registers: [registry],
  })
}

/**
 * Removes the events of types with a `retention`, counted from their receipt. Rollups and the readings of meters stay.
 * A mutation rewrites the parts that hold expired rows, so it runs seldom and in one go for all of a type's rows; while
 * one is under way no other is started. What a crash leaves undone, the next pass does.
 */
export function startRetentionRunner(deps: RetentionDeps, config: RetentionConfig): RetentionRunner {
  const { clickhouse, logger } = deps
  const stopping = new AbortController()
  const { signal } = stopping

  const readCount = async (
    sql: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<number> => {
    const result = await clickhouse.query({
      query: sql,
      query_params: parameters,
      format: 'JSONCompactEachRow',
      abort_signal: signal,
    })
    const [row] = await result.json<[string]>()
    return Number(row?.[0] ?? 0)
  }

  /** @returns whether there was something to remove */
  const remove = async (expired: Expired): Promise<boolean> => {
    const parameters = expiredParameters(expired)
    let found = false
    for (const table of ['events', 'invalid_events'] as const) {
      const rows = await readCount(countExpired[table], parameters)
      if (rows === 0) continue
      found = true
      for (const { sql } of removeExpired.filter((statement) => statement.table === table)) {
        await clickhouse.command({
          query: sql,
          query_params: parameters,
          clickhouse_settings: { mutations_sync: '0', allow_nondeterministic_mutations: 1 },
          abort_signal: signal,
        })
      }
      deps.removed.inc({ table }, rows)
      logger.info(
        { tenant: expired.tenant, type: expired.type, table, rows },
        'expired events are being removed',
      )
    }
    return found
  }

  const pass = async (): Promise<void> => {
    if (!deps.lanes().some(({ partition }) => partition === responsiblePartition)) return
    const expired = deps.eventTypes().flatMap((entry) => toExpired(entry, deps.now(), config))
    if (expired.length === 0) return
    if ((await readCount(countUnfinished)) > 0) {
      // What an owner before began: until it is done reports may read either state.
      const tenants = [...new Set(expired.map(({ tenant }) => tenant))]
      await deps.touches.during(tenants.map(everythingOf), untilRemoved)
      return
    }
    for (const one of expired) {
      await deps.touches.during([everythingOf(one.tenant)], async () => {
        if (await remove(one)) await untilRemoved()
      })
    }
  }

  /** ClickHouse rewrites parts in its own time; reports may read either state until then. */
  const untilRemoved = async (): Promise<void> => {
    while ((await readCount(countUnfinished)) > 0) await sleep(checkEveryMs, undefined, { signal })
  }

  const run = async (): Promise<void> => {
    let waitMs = Math.min(firstAfterMs, config.retentionEveryMs)
    while (!signal.aborted) {
      await sleep(waitMs, undefined, { signal }).catch(() => {})
      waitMs = config.retentionEveryMs
      if (signal.aborted) return
      try {
        await pass()
      } catch (error) {
        if (!signal.aborted) logger.warn({ err: error }, 'expired events cannot be removed')
      }
    }
  }
  const running = run()

  return {
    async stop() {
      stopping.abort(new Error('the service stops'))
      await running
    },
  }
}

/** An id has to be there as long as a repeat of it is looked for, and some time more. */
function toExpired(
  { tenant, name, body }: CatalogEntry<EventType>,
  nowMs: number,
  { dedupeWindowMs }: RetentionConfig,
): readonly Expired[] {
  const retention: Duration | undefined =
    body.retention === undefined ? undefined : parseDuration(body.retention)
  if (retention === undefined) return []
  const nowUs = nowMs * 1_000
  const beforeUs = Math.min(subtractDuration(nowUs, retention), nowUs - dedupeWindowMs * 2_000)
  return beforeUs > 0 ? [{ tenant, type: name, beforeUs }] : []
}
