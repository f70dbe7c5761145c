import { Counter, Gauge, Histogram, type Registry } from '@millrace/service-kit/metrics'
import { createAttemptMetrics } from './attempt-metrics.ts'

const prefix = 'millrace_postback_delivery'

export type DeliveryMetrics = ReturnType<typeof createDeliveryMetrics>

/** @param state read whenever the metrics are */
export function createDeliveryMetrics(
  registry: Registry,
  state: {
    inFlight: () => number
    waiting: () => number
    unsettled: () => number
    receivers: () => number
    longestQueue: () => number
    openBreakers: () => number
  },
) {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name: `${prefix}_${name}`,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('in_flight_requests', 'HTTP requests under way', state.inFlight)
  gauge('waiting_records', 'records read from Kafka that wait for their turn', state.waiting)
  gauge('receivers', 'receivers with a queue of their own', state.receivers)
  gauge(
    'longest_queue_records',
    'records that wait for the receiver with the most of them',
    state.longestQueue,
  )
  gauge('open_breakers', 'receivers that are not asked because they keep failing', state.openBreakers)
  gauge('unsettled_outcomes', 'finished records that are not committed yet', state.unsettled)
  return {
    ...createAttemptMetrics(registry, prefix),
    retries: new Counter({
      name: `${prefix}_retries_scheduled_total`,
      help: 'records written to a retry tier after an attempt that failed',
      labelNames: ['tier'],
      registers,
    }),
    hops: new Counter({
      name: `${prefix}_tier_hops_total`,
      help: 'records that went on to another retry tier because they were not due yet',
      labelNames: ['tier'],
      registers,
    }),
    putOffs: new Counter({
      name: `${prefix}_put_off_total`,
      help: 'deliveries put off without an attempt, by why their receiver had no room',
      labelNames: ['reason'],
      registers,
    }),
    breakerTransitions: new Counter({
      name: `${prefix}_breaker_transitions_total`,
      help: 'breakers that this instance has opened or closed',
      labelNames: ['to'],
      registers,
    }),
    retryLatenessSeconds: new Histogram({
      name: `${prefix}_retry_lateness_seconds`,
      help: 'from the time a retry was due to its attempt',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      registers,
    }),
    redriven: new Counter({
      name: `${prefix}_redriven_total`,
      help: 'dead and held deliveries that a replay sent on their way again',
      registers,
    }),
    undecodable: new Counter({
      name: `${prefix}_undecodable_records_total`,
      help: 'records that are no deliveries and were skipped',
      registers,
    }),
    commits: new Counter({
      name: `${prefix}_transactions_total`,
      help: 'transactions that write outcomes and offsets, by result',
      labelNames: ['result'],
      registers,
    }),
    commitSeconds: new Histogram({
      name: `${prefix}_transaction_duration_seconds`,
      help: 'time that a committed transaction took',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
  }
}
