import { ingest, one, processRow, quantiles, rate, requestPanels } from './panels.ts'
import type { Dashboard } from './to-grafana.ts'

export const ingestBoard: Dashboard = {
  name: 'ingest',
  title: 'Millrace: ingest',
  description:
    'What producers send and how it is answered. 503s come from Kafka being slow or from full budgets.',
  rows: [
    {
      title: 'Answers',
      panels: [
        {
          title: 'Requests by status',
          description: 'HTTP statuses, and gRPC’s numbers (0 is OK, 14 is unavailable).',
          unit: 'reqps',
          queries: one(rate(`${ingest}_requests_total`, 'status'), '{{status}}'),
        },
        {
          title: 'Requests by route',
          description: 'Which doors are used.',
          unit: 'reqps',
          queries: one(rate(`${ingest}_requests_total`, 'route'), '{{route}}'),
        },
        {
          title: 'Refused',
          description: 'Requests with events that were refused, by the stable code of the reason.',
          unit: 'reqps',
          queries: one(rate(`${ingest}_requests_refused_total`, 'code'), '{{code}}'),
        },
      ],
    },
    { title: 'By route', panels: requestPanels(ingest) },
    {
      title: 'Kafka',
      panels: [
        {
          title: 'Kafka’s confirmation',
          description: 'From handing a message to the client until all in-sync replicas have it.',
          unit: 's',
          thresholds: [0.25, 1],
          queries: quantiles(`${ingest}_produce_seconds`),
        },
        {
          title: 'Expected wait',
          description:
            'What an event would wait now, in the slowest partition. Above INGEST_MAX_QUEUE_MS it is refused.',
          unit: 's',
          thresholds: [1, 4],
          queries: one(`max by (instance) (${ingest}_queue_seconds)`, '{{instance}}'),
        },
        {
          title: 'Events per message',
          description: 'How well events share Kafka messages: more under load.',
          unit: 'short',
          queries: one(
            `${rate(`${ingest}_events_accepted_total`)} / ${rate(`${ingest}_event_messages_total`)}`,
            'events',
          ),
        },
      ],
    },
    {
      title: 'Saturation',
      panels: [
        {
          title: 'Bytes of requests',
          description: 'Held by what is being read or answered. Bounded by INGEST_MAX_REQUEST_BYTES.',
          unit: 'bytes',
          queries: one(`${ingest}_request_bytes`, '{{instance}}'),
        },
        {
          title: 'Bytes without confirmation',
          description: 'Bounded by INGEST_MAX_UNCONFIRMED_BYTES.',
          unit: 'bytes',
          queries: one(`${ingest}_unconfirmed_bytes`, '{{instance}}'),
        },
        {
          title: 'Bytes to Kafka',
          description: 'Of confirmed messages before compression.',
          unit: 'Bps',
          queries: one(rate(`${ingest}_event_messages_bytes_total`), 'events'),
        },
      ],
    },
    processRow('ingest'),
  ],
}
