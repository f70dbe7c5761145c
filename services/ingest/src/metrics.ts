import { Counter, Gauge, Histogram, type Registry } from '@millrace/service-kit/metrics'
import { createRequestDurations, type RequestDurations } from '@millrace/service-kit/request-durations'

export interface IngestMetrics {
  readonly durations: RequestDurations
  /** `status` is HTTP's, or gRPC's number. */
  request(route: string, status: number): void
  accepted(events: number): void
  refused(code: string): void
  deliveries(count: number): void
  message(message: { records: number; bytes: number; seconds: number }): void
}

/** What is held now, asked when the metrics are read. */
export interface HeldNow {
  /** Of requests that are being read or answered. */
  readonly requestBytes: () => number
  /** Of what waits for Kafka's confirmation. */
  readonly unconfirmedBytes: () => number
  /** Expected wait in the slowest partition. */
  readonly queueMs: () => number
}

export function createIngestMetrics(registry: Registry, held: HeldNow): IngestMetrics {
  const registers = [registry]
  // The library makes a text of the labels at each call, and every request is counted: counted here, added when read.
  const requestsOf = new Map<string, Map<number, number>>()
  new Counter({
    name: 'millrace_ingest_requests_total',
    help: 'Requests by route and status.',
    labelNames: ['route', 'status'],
    registers,
    collect() {
      for (const [route, byStatus] of requestsOf)
        for (const [status, count] of byStatus) this.inc({ route, status: String(status) }, count)
      requestsOf.clear()
    },
  })
  let acceptedEvents = 0
  new Counter({
    name: 'millrace_ingest_events_accepted_total',
    help: 'Events that Kafka confirmed.',
    registers,
    collect() {
      this.inc(acceptedEvents)
      acceptedEvents = 0
    },
  })
  const refused = new Counter({
    name: 'millrace_ingest_requests_refused_total',
    help: 'Requests with events that were refused, by the stable code of the reason.',
    labelNames: ['code'],
    registers,
  })
  const deliveries = new Counter({
    name: 'millrace_ingest_deliveries_accepted_total',
    help: 'Deliveries of postbacks that Kafka confirmed.',
    registers,
  })
  const messages = new Counter({
    name: 'millrace_ingest_event_messages_total',
    help: 'Kafka messages that hold packed events and were confirmed.',
    registers,
  })
  const bytes = new Counter({
    name: 'millrace_ingest_event_messages_bytes_total',
    help: 'Bytes of confirmed messages before compression.',
    registers,
  })
  const seconds = new Histogram({
    name: 'millrace_ingest_produce_seconds',
    help: 'From handing a message to the client until Kafka confirmed it.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  new Gauge({
    name: 'millrace_ingest_request_bytes',
    help: 'Bytes that requests hold which are being read or answered.',
    registers,
    collect() {
      this.set(held.requestBytes())
    },
  })
  new Gauge({
    name: 'millrace_ingest_unconfirmed_bytes',
    help: 'Bytes that wait for Kafka’s confirmation.',
    registers,
    collect() {
      this.set(held.unconfirmedBytes())
    },
  })
  new Gauge({
    name: 'millrace_ingest_queue_seconds',
    help: 'How long an event would wait for Kafka’s confirmation now, in the slowest partition.',
    registers,
    collect() {
      this.set(held.queueMs() / 1_000)
    },
  })
  return {
    durations: createRequestDurations(registry, 'ingest'),
    request(route, status) {
      let byStatus = requestsOf.get(route)
      if (byStatus === undefined) {
        byStatus = new Map()
        requestsOf.set(route, byStatus)
      }
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1)
    },
    accepted(events) {
      acceptedEvents += events
    },
    refused: (code) => refused.inc({ code }),
    deliveries: (count) => deliveries.inc(count),
    message(message) {
      messages.inc()
      bytes.inc(message.bytes)
      seconds.observe(message.seconds)
    },
  }
}
