import type { Panel, Query, Row } from './to-grafana.ts'

export const ingest = 'millrace_ingest'
export const aggregator = 'millrace_aggregator'
export const delivery = 'millrace_postback_delivery'
export const subscription = `${delivery}_subscription`
export const query = 'millrace_query'

export function one(expr: string, legend = ''): readonly Query[] {
  return [{ expr, legend }]
}

/** Of a histogram's values, over all instances. */
export function quantiles(metric: string, by: string[] = []): readonly Query[] {
  const labels = ['le', ...by].join(', ')
  return [0.5, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (${labels}) (rate(${metric}_bucket[$__rate_interval])))`,
    legend: [`p${quantile * 100}`, ...by.map((label) => `{{${label}}}`)].join(' '),
  }))
}

export function rate(metric: string, by?: string): string {
  return by === undefined
    ? `sum(rate(${metric}[$__rate_interval]))`
    : `sum by (${by}) (rate(${metric}[$__rate_interval]))`
}

/** Requests of a service: how often they fail and how long they take, by route. What streams is not among them. */
export function requestPanels(service: string): readonly Panel[] {
  const seconds = `${service}_request_seconds`
  return [
    {
      title: 'Failed by route',
      description:
        'Share of the route’s requests that were answered 5xx, or with a gRPC status that means it.',
      unit: 'percentunit',
      thresholds: [0.01, 0.05],
      queries: one(
        `sum by (route) (rate(${seconds}_count{class="5xx"}[$__rate_interval])) / sum by (route) (rate(${seconds}_count[$__rate_interval]))`,
        '{{route}}',
      ),
    },
    {
      title: 'Refused by route',
      description: 'Requests that were answered 4xx: what callers have to change, 429 among them.',
      unit: 'reqps',
      queries: one(`sum by (route) (rate(${seconds}_count{class="4xx"}[$__rate_interval]))`, '{{route}}'),
    },
    {
      title: 'How long requests take',
      description: 'p99 by route, of what was neither refused nor failed.',
      unit: 's',
      thresholds: [0.25, 1],
      queries: one(
        `histogram_quantile(0.99, sum by (le, route) (rate(${seconds}_bucket{class="2xx"}[$__rate_interval])))`,
        '{{route}}',
      ),
    },
  ]
}

export function stat(panel: Omit<Panel, 'kind'>): Panel {
  return { ...panel, kind: 'stat' }
}

export const freshness: Panel = {
  title: 'Accepted → in reports',
  description:
    'From the receipt of a batch’s oldest event until the batch can be queried. Promised: p99 under 1 s.',
  unit: 's',
  thresholds: [1, 5],
  queries: quantiles(`${aggregator}_freshness_seconds`),
}

export const dataAge = stat({
  title: 'Reports reach to',
  description:
    'How long ago: every event received before that is in every report. Above a minute somebody is woken.',
  unit: 's',
  thresholds: [5, 60],
  queries: one(`max(${query}_data_through_age_seconds)`),
})

export const landingLag = stat({
  title: 'Waiting to be landed',
  description: 'Messages of millrace.events behind the end, all partitions.',
  unit: 'short',
  thresholds: [1_000, 5_000],
  queries: one(`sum(${aggregator}_lag_records)`),
})

export function processRow(service: string): Row {
  const labels = `{service="${service}"}`
  return {
    title: 'Processes',
    panels: [
      {
        title: 'CPU',
        description: 'Cores in use, by instance. One instance uses about one core at most for its own code.',
        unit: 'short',
        queries: one(`rate(process_cpu_seconds_total${labels}[$__rate_interval])`, '{{instance}}'),
      },
      {
        title: 'Memory',
        description: 'Resident, by instance. It is bounded by the settings in docs/configuration.md.',
        unit: 'bytes',
        queries: one(`process_resident_memory_bytes${labels}`, '{{instance}}'),
      },
      {
        title: 'Event loop lag',
        description: 'p99, by instance. Above 100 ms an instance has more to do than one core can.',
        unit: 's',
        thresholds: [0.1, 0.5],
        queries: one(`nodejs_eventloop_lag_p99_seconds${labels}`, '{{instance}}'),
      },
    ],
  }
}
