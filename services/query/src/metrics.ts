import { Counter, Gauge, Histogram, type Registry } from '@millrace/service-kit/metrics'
import { createRequestDurations, type RequestDurations } from '@millrace/service-kit/request-durations'
import { nowUs } from './time.ts'

export interface QueryMetrics {
  readonly durations: RequestDurations
  readonly requests: Counter<'route' | 'status'>
  readonly reportSeconds: Histogram
  readonly clickhouseErrors: Counter<'reason'>
  readonly reportCache: Counter<'outcome'>
  readonly reportCacheEvicted: Counter
}

export function createQueryMetrics(registry: Registry): QueryMetrics {
  return {
    durations: createRequestDurations(registry, 'query'),
    requests: new Counter({
      name: 'millrace_query_requests_total',
      help: 'Answered HTTP requests by route and status.',
      labelNames: ['route', 'status'],
      registers: [registry],
    }),
    reportSeconds: new Histogram({
      name: 'millrace_query_report_seconds',
      help: 'From a checked key to the rows of a report.',
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
      registers: [registry],
    }),
    clickhouseErrors: new Counter({
      name: 'millrace_query_clickhouse_errors_total',
      help: 'Reads that ClickHouse did not answer, by reason.',
      labelNames: ['reason'],
      registers: [registry],
    }),
    reportCache: new Counter({
      name: 'millrace_query_report_cache_total',
      help: 'Reports by how they were answered: hit, miss, touched (written to since), joined (an equal one was under way), bypass (an aggregator is not heard), stale (ClickHouse is away).',
      labelNames: ['outcome'],
      registers: [registry],
    }),
    reportCacheEvicted: new Counter({
      name: 'millrace_query_report_cache_evicted_total',
      help: 'Answers and pieces that were given up for others.',
      registers: [registry],
    }),
  }
}

/** Figures that are asked for when they are read. */
export function registerGauges(
  registry: Registry,
  sources: {
    liveSubscribers: () => number
    liveFeeds: () => number
    dataThroughUs: () => number | undefined
    reportCacheBytes: () => number
  },
): void {
  const gauge = (name: string, help: string, value: () => number | undefined): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const current = value()
        if (current === undefined) this.remove()
        else this.set(current)
      },
    })
  }
  gauge('millrace_query_live_subscribers', 'Readers of live views.', sources.liveSubscribers)
  gauge('millrace_query_live_feeds', 'Live views that are computed for them.', sources.liveFeeds)
  gauge(
    'millrace_query_report_cache_bytes',
    'Room that kept reports take, roughly.',
    sources.reportCacheBytes,
  )
  gauge(
    'millrace_query_data_through_age_seconds',
    'How long ago that was which reports reach to; absent while unknown.',
    () => {
      const us = sources.dataThroughUs()
      return us === undefined ? undefined : Math.max(0, (nowUs() - us) / 1_000_000)
    },
  )
  gauge(
    'millrace_query_data_through_timestamp_seconds',
    'Every event received before it can be queried; absent while unknown.',
    () => {
      const us = sources.dataThroughUs()
      return us === undefined ? undefined : us / 1_000_000
    },
  )
}
