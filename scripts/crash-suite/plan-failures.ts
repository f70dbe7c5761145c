import { pick, type Random } from './random.ts'

/** Something that happens to one process. */
export interface Failure {
  /** As the stack calls it: aggregator, clickhouse, ingest, kafka-1, ... */
  readonly target: string
  /** 0: it is killed (SIGKILL) and started again. Else it is stopped (SIGSTOP) for so long. */
  readonly pausedMs: number
  /** Rest before the next one. */
  readonly restMs: number
}

/** Longer than the aggregator's session: a paused owner wakes to find its partitions moved. */
const longestPauseMs = 14_000
const longestRestMs = 2_500

/** One at a time; of the brokers never two, so that the log stays writable or comes back whole. */
export function planFailures(random: Random, count: number, brokers: number): readonly Failure[] {
  const kafka = Array.from({ length: brokers }, (_, index) => `kafka-${index + 1}`)
  return Array.from({ length: count }, () => {
    const kind = pick(random, ['aggregator', 'aggregator', 'clickhouse', 'ingest', 'kafka'])
    const target = kind === 'kafka' ? pick(random, kafka) : kind
    const kills = random() < 0.6
    // Most pauses are short ones; each is as likely to be one that changes owners as its length allows.
    const pausedMs = kills ? 0 : Math.round(300 + random() ** 3 * longestPauseMs)
    return { target, pausedMs, restMs: Math.round(random() * longestRestMs) }
  })
}
