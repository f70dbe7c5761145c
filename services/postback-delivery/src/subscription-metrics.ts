import { Counter, Gauge, Histogram, type Registry } from '@millrace/service-kit/metrics'

const prefix = 'millrace_postback_delivery_subscription'

export type SubscriptionMetrics = ReturnType<typeof createSubscriptionMetrics>

/** @param lag records between what is done and the end of each partition, read whenever the metrics are */
export function createSubscriptionMetrics(
  registry: Registry,
  lag: () => readonly { readonly partition: number; readonly records: number }[],
) {
  const registers = [registry]
  new Gauge({
    name: `${prefix}_lag_messages`,
    help: 'messages of millrace.events that subscriptions have not been matched with yet',
    labelNames: ['partition'],
    registers,
    collect() {
      this.reset()
      for (const { partition, records } of lag()) this.set({ partition: String(partition) }, records)
    },
  })
  return {
    deliveries: new Counter({
      name: `${prefix}_deliveries_total`,
      help: 'deliveries made of events for endpoints',
      registers,
    }),
    dropped: new Counter({
      name: `${prefix}_events_dropped_total`,
      help: 'events that an endpoint asks for and that were not handed out, by reason',
      labelNames: ['reason'],
      registers,
    }),
    transactions: new Counter({
      name: `${prefix}_transactions_total`,
      help: 'transactions that write deliveries and offsets, by result',
      labelNames: ['result'],
      registers,
    }),
    delaySeconds: new Histogram({
      name: `${prefix}_delay_seconds`,
      help: 'from the receipt of an event to the commit of its deliveries',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      registers,
    }),
  }
}
