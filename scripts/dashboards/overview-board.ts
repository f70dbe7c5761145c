import {
  aggregator,
  dataAge,
  delivery,
  freshness,
  ingest,
  landingLag,
  one,
  quantiles,
  query,
  rate,
  stat,
} from './panels.ts'
import type { Dashboard } from './to-grafana.ts'

export const overviewBoard: Dashboard = {
  name: 'overview',
  title: 'Millrace: overview',
  description: 'Is it well? The top row is green, or the dashboard of the red one’s service is next.',
  rows: [
    {
      title: 'Is it well?',
      panels: [
        dataAge,
        landingLag,
        stat({
          title: 'Refused at ingest',
          description: 'Share of requests answered 503. Producers send them again.',
          unit: 'percentunit',
          thresholds: [0.001, 0.01],
          queries: one(
            `(sum(rate(${ingest}_requests_total{status=~"503|14"}[5m])) or vector(0)) / sum(rate(${ingest}_requests_total[5m]))`,
          ),
        }),
        stat({
          title: 'Failed reads',
          description: 'Share of query’s answers that are 5xx.',
          unit: 'percentunit',
          thresholds: [0.01, 0.05],
          queries: one(
            `(sum(rate(${query}_requests_total{status=~"5.."}[5m])) or vector(0)) / sum(rate(${query}_requests_total[5m]))`,
          ),
        }),
        stat({
          title: 'Open breakers',
          description: 'Receivers that are not asked because they keep failing.',
          unit: 'short',
          thresholds: [1, 10],
          queries: one(`sum(${delivery}_open_breakers)`),
        }),
        stat({
          title: 'Instances',
          description: 'Processes that answer.',
          unit: 'short',
          queries: one('count(nodejs_version_info{service=~"ingest|aggregator|postback-delivery|query"})'),
        }),
        stat({
          title: 'Kafka clients without a broker',
          description:
            'At the last look. All of them: Kafka is away. A few for longer than a minute: their process ends by itself.',
          unit: 'short',
          thresholds: [1, 4],
          queries: one(
            `sum(${[ingest, aggregator, delivery, query].map((service) => `${service}_kafka_clients_without_broker`).join(' or ')})`,
          ),
        }),
        stat({
          title: 'Alerts',
          description: 'That fire. Each has a page in docs/runbooks.',
          unit: 'short',
          thresholds: [1, 3],
          queries: one('count(ALERTS{alertname=~"Millrace.+", alertstate="firing"}) or vector(0)'),
        }),
      ],
    },
    {
      title: 'What flows',
      panels: [
        {
          title: 'Events',
          description: 'Accepted by ingest, landed in ClickHouse, repeats dropped.',
          unit: 'cps',
          queries: [
            { expr: rate(`${ingest}_events_accepted_total`), legend: 'accepted' },
            { expr: rate(`${aggregator}_rows_landed_total`, 'table'), legend: 'landed in {{table}}' },
            { expr: rate(`${aggregator}_repeats_dropped_total`), legend: 'repeats' },
          ],
        },
        {
          title: 'Attempts of deliveries',
          description: 'By what became of the delivery.',
          unit: 'cps',
          queries: one(rate(`${delivery}_attempts_total`, 'outcome'), '{{outcome}}'),
        },
        {
          title: 'Reads',
          description: 'Answers of query by status.',
          unit: 'reqps',
          queries: one(rate(`${query}_requests_total`, 'status'), '{{status}}'),
        },
      ],
    },
    {
      title: 'How fast',
      panels: [
        freshness,
        {
          title: 'Retries’ lateness',
          description: 'From the time a retry was due to its attempt.',
          unit: 's',
          queries: quantiles(`${delivery}_retry_lateness_seconds`),
        },
        {
          title: 'Reports',
          description: 'From a checked key to the rows; answers out of the cache included.',
          unit: 's',
          queries: quantiles(`${query}_report_seconds`),
        },
      ],
    },
  ],
}
