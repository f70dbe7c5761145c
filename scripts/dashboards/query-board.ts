import { one, processRow, quantiles, query, rate, requestPanels } from './panels.ts'
import type { Dashboard } from './to-grafana.ts'

export const queryBoard: Dashboard = {
  name: 'query',
  title: 'Millrace: query',
  description: 'What readers ask, and how much of it the cache answers.',
  rows: [
    {
      title: 'Answers',
      panels: [
        {
          title: 'By status',
          description: '304 are answers that the reader had already.',
          unit: 'reqps',
          queries: one(rate(`${query}_requests_total`, 'status'), '{{status}}'),
        },
        {
          title: 'By route',
          description: 'What is asked for.',
          unit: 'reqps',
          queries: one(rate(`${query}_requests_total`, 'route'), '{{route}}'),
        },
        {
          title: 'How long reports take',
          description: 'From a checked key to the rows.',
          unit: 's',
          queries: quantiles(`${query}_report_seconds`),
        },
      ],
    },
    { title: 'By route', panels: requestPanels(query) },
    {
      title: 'Cache',
      panels: [
        {
          title: 'How reports are answered',
          description:
            'hit, miss, touched (written to since), joined (an equal one was under way), bypass (an aggregator is not heard), stale (ClickHouse is away).',
          unit: 'reqps',
          queries: one(rate(`${query}_report_cache_total`, 'outcome'), '{{outcome}}'),
        },
        {
          title: 'Room taken',
          description: 'By instance; bounded by configuration.',
          unit: 'bytes',
          queries: one(`${query}_report_cache_bytes`, '{{instance}}'),
        },
        {
          title: 'Given up for others',
          description: 'Many at a low hit rate: the cache is too small for what is asked.',
          unit: 'cps',
          queries: one(rate(`${query}_report_cache_evicted_total`), 'evicted'),
        },
      ],
    },
    {
      title: 'Freshness, live and ClickHouse',
      panels: [
        {
          title: 'Reports reach to',
          description: 'How long ago, by instance.',
          unit: 's',
          thresholds: [5, 60],
          queries: one(`${query}_data_through_age_seconds`, '{{instance}}'),
        },
        {
          title: 'Live',
          description: 'Readers, and the views that are computed for them.',
          unit: 'short',
          queries: [
            { expr: `sum(${query}_live_subscribers)`, legend: 'readers' },
            { expr: `sum(${query}_live_feeds)`, legend: 'views' },
          ],
        },
        {
          title: 'ClickHouse did not answer',
          description: 'By reason.',
          unit: 'cps',
          queries: one(rate(`${query}_clickhouse_errors_total`, 'reason'), '{{reason}}'),
        },
      ],
    },
    processRow('query'),
  ],
}
