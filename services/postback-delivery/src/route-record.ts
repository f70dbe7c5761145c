import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import type { DeliveryRecord } from './assigned-partition.ts'
import { tierMessage } from './describe-attempt.ts'
import type { DeliveryMetrics } from './metrics.ts'
import { ripeAtMs, takeTurn } from './retry-schedule.ts'

/** Sends a record where it belongs now: to its attempt, into memory for a moment, or on to another retry tier. */
export interface RecordRouter {
  route(record: DeliveryRecord): void
  /** Records that wait in memory for their time. */
  held(): number
  /** Forgets what is held: it is not committed. */
  stop(): void
}

export function createRecordRouter(
  deps: {
    readonly enqueue: (record: DeliveryRecord) => void
    /** Whether its receiver would take it now. */
    readonly hasRoom: (record: DeliveryRecord) => boolean
    readonly passOn: (record: DeliveryRecord, message: OutgoingMessage) => void
    readonly metrics: Pick<DeliveryMetrics, 'hops'>
    /** Milliseconds since 1970. */
    readonly now: () => number
  },
  config: { kafkaTopicPrefix: string },
): RecordRouter {
  const timers = new Set<NodeJS.Timeout>()
  const hold = (record: DeliveryRecord, ms: number): void => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      // The timer may be a little early, and the clock may have been set.
      if (record.partition.state === 'owned') route(record)
    }, ms)
    timers.add(timer)
  }
  /**
   * The time of what was put off is no promise, but a guess of when there is room. It is looked at once its tier's delay
   * is over: before, what a receiver's breaker keeps back would come and go all the time.
   */
  const isExpected = (record: DeliveryRecord): boolean => {
    const { appendedMs, partition, delivery } = record
    if ((delivery.putOff ?? 0) === 0) return false
    return (
      ripeAtMs(appendedMs, partition.tierDelayMs, delivery.notBeforeUs) <= deps.now() && deps.hasRoom(record)
    )
  }
  const route = (record: DeliveryRecord): void => {
    const { appendedMs, partition, delivery } = record
    const turn = takeTurn(delivery, deps.now(), appendedMs + partition.tierDelayMs)
    if (turn.kind === 'attempt' || isExpected(record)) deps.enqueue(record)
    else if (turn.kind === 'hold') hold(record, turn.ms)
    else {
      deps.metrics.hops.inc({ tier: turn.tier.label })
      deps.passOn(record, tierMessage(record.delivery, turn.tier, config.kafkaTopicPrefix))
    }
  }
  return {
    route,
    held: () => timers.size,
    stop() {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
    },
  }
}
