import { ServiceError } from '@millrace/service-kit/errors'
import type { AnnouncedWrites } from './announced-writes.ts'
import { createReportAnswers, type KeptAnswer, type ReportAnswers } from './answer-reports.ts'
import { createBoundedCache } from './bounded-cache.ts'
import { createCalendarSplits } from './calendar-splits.ts'
import type { ClickhouseReader } from './clickhouse-reader.ts'
import type { Freshness } from './freshness.ts'
import { createHoursAlone } from './hours-alone.ts'
import type { KeptPiece } from './kept-piece.ts'
import type { WindowBounds } from './merge-pieces.ts'
import type { QueryMetrics } from './metrics.ts'
import { createReportReader, type ReportDeps } from './read-report.ts'
import { type CacheEntry, createReportCache } from './report-cache.ts'
import { createChangesReader } from './report-changes.ts'
import { createPiecesReader } from './report-pieces-reader.ts'
import { createReportRowsReader } from './report-rows-reader.ts'
import { steadyMs } from './time.ts'

export interface ReportsDeps extends Pick<ReportDeps, 'catalog' | 'cursors' | 'backfills' | 'nowUs'> {
  readonly clickhouse: ClickhouseReader
  readonly freshness: Pick<Freshness, 'dataThrough' | 'known'> & { readonly writes: AnnouncedWrites }
  readonly metrics: Pick<QueryMetrics, 'reportCache' | 'reportCacheEvicted'>
}

export interface Reports extends ReportAnswers {
  /** That what is kept takes. */
  bytes(): number
}

/** Zones and years, whatever else is kept. */
const calendarBytes = 4 * 1024 ** 2

/** Reports with all that is kept of them: whole answers, pieces of ranges, and windows of calendars. */
export function createReports(
  deps: ReportsDeps,
  config: { readonly cacheBytes: number; readonly maxStaleSeconds: number },
): Reports {
  const { freshness, metrics, nowUs } = deps
  const { writes } = freshness
  const evicted = (): void => metrics.reportCacheEvicted.inc()
  const share = (part: number): number => Math.floor(config.cacheBytes * part)
  const answers = createBoundedCache<CacheEntry<KeptAnswer>>(share(0.65), evicted)
  const pieces = createBoundedCache<CacheEntry<KeptPiece>>(share(0.3), evicted)
  const windows = createBoundedCache<readonly WindowBounds[]>(share(0.05), evicted)
  const rows = createReportRowsReader(
    deps.clickhouse,
    createChangesReader(deps.clickhouse, writes),
    createCalendarSplits(deps.clickhouse, createBoundedCache(calendarBytes)),
    createHoursAlone(steadyMs),
  )
  const outcomes = new Map<string, { inc(): void }>()
  const shared = {
    writes,
    dataThrough: freshness.known,
    isUnavailable: (error: unknown) => error instanceof ServiceError && error.code === 'unavailable',
    nowMs: steadyMs,
  }
  const cache = createReportCache<KeptAnswer>(
    {
      ...shared,
      store: answers,
      count(outcome) {
        const counter = outcomes.get(outcome) ?? metrics.reportCache.labels({ outcome })
        outcomes.set(outcome, counter)
        counter.inc()
      },
    },
    { maxStaleMs: config.maxStaleSeconds * 1_000 },
  )
  const keptPieces = createReportCache<KeptPiece>(
    { ...shared, store: pieces, count: () => {} },
    { maxStaleMs: 0 },
  )
  const reports = createReportReader({
    ...deps,
    rows,
    pieces: createPiecesReader({ rows, writes, cache: keptPieces, windows, nowMs: steadyMs }),
  })
  return {
    ...createReportAnswers({ reports, cache, writes, nowUs }),
    bytes: () => answers.bytes() + pieces.bytes() + windows.bytes(),
  }
}
