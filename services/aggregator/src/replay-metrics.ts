import { Counter, Gauge, type Registry } from '@millrace/service-kit/metrics'

export interface ReplayMetrics {
  readonly sent: Counter
}

const prefix = 'millrace_aggregator_replays_'

export function createReplayMetrics(registry: Registry, unfinished: () => number): ReplayMetrics {
  const registers = [registry]
  new Gauge({
    name: `${prefix}unfinished`,
    help: 'replays of events that are not done',
    registers,
    collect() {
      this.set(unfinished())
    },
  })
  return {
    sent: new Counter({
      name: `${prefix}events_sent_total`,
      help: 'invalid events sent to be judged again',
      registers,
    }),
  }
}
