import { createLabelledHistogram, type HistogramChild } from '@millrace/service-kit/labelled-histogram'
import { Counter, type Registry } from '@millrace/service-kit/metrics'

/** How attempts ended, and how long they took. */
export interface AttemptMetrics {
  attempted(attempt: AttemptSeen): void
}

export interface AttemptSeen {
  readonly receiver: 'postback' | 'endpoint'
  readonly outcome: string
  /** Its stable code; empty when there was a whole response. */
  readonly failure: string
  /** Undefined when there was no request. */
  readonly seconds: number | undefined
}

/** Attempts to one kind of receiver with one outcome. */
interface Kind {
  readonly labels: { readonly receiver: string; readonly outcome: string }
  /** Since the metrics were read, by failure. */
  readonly counts: Map<string, number>
  readonly durations: HistogramChild
}

const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** The library makes a text of the labels at each count: counted here, added when the metrics are read. */
export function createAttemptMetrics(registry: Registry, prefix: string): AttemptMetrics {
  const kinds = { postback: new Map<string, Kind>(), endpoint: new Map<string, Kind>() }
  const durations = createLabelledHistogram<Kind['labels']>(registry, {
    name: `${prefix}_attempt_duration_seconds`,
    help: 'from the start of a request to the last byte read of its response',
    bounds,
  })
  new Counter({
    name: `${prefix}_attempts_total`,
    help: 'attempts by what became of the delivery, to registered endpoints and of postbacks',
    labelNames: ['receiver', 'outcome', 'failure'],
    registers: [registry],
    collect() {
      for (const byOutcome of Object.values(kinds))
        for (const { labels, counts } of byOutcome.values()) {
          for (const [failure, count] of counts) this.inc({ ...labels, failure }, count)
          counts.clear()
        }
    },
  })
  const kindOf = (receiver: AttemptSeen['receiver'], outcome: string): Kind => {
    const known = kinds[receiver].get(outcome)
    if (known !== undefined) return known
    const labels = { receiver, outcome }
    const kind = { labels, counts: new Map<string, number>(), durations: durations.child(labels) }
    kinds[receiver].set(outcome, kind)
    return kind
  }
  return {
    attempted({ receiver, outcome, failure, seconds }) {
      const kind = kindOf(receiver, outcome)
      kind.counts.set(failure, (kind.counts.get(failure) ?? 0) + 1)
      if (seconds !== undefined) kind.durations.observe(seconds)
    },
  }
}
