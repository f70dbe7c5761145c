import { kafkaNotReached } from '@millrace/service-kit/kafka-not-reached'
import type { AppendOutcome } from './append-outcome.ts'
import type { EventProducer } from './event-producer.ts'
import type { PlainMessage } from './plain-message.ts'
import type { Reception } from './read-event.ts'
import type { JsonLayout } from './read-json-events.ts'
import {
  type PlainEvents,
  type PlainEventsLimits,
  readPlainEvents,
  readPlainMessage,
} from './read-plain-events.ts'

/** As `AcceptEvents` for requests of which nothing is unusual, in two steps: in between the caller's limits are asked. */
export interface AcceptPlainEvents {
  /** Undefined when the request is for the general way. */
  read(text: Buffer, layout: JsonLayout, reception: Reception): PlainEvents | undefined
  /** The same for a gRPC request. */
  readMessage(message: PlainMessage, reception: Reception): PlainEvents | undefined
  /** The outcome comes within the request's time. */
  append(events: PlainEvents, outcome: AppendOutcome): void
}

interface PlainEventLog {
  readonly producer: Pick<EventProducer, 'appendFor'>
  readonly partitions: number
}

export interface AcceptPlainEventsDeps {
  /** Undefined while Kafka has not been reached yet. */
  readonly log: () => PlainEventLog | undefined
  /** Whether the catalog has nothing to say of events of this type before they are accepted. */
  readonly isUnchecked: (tenant: string, type: string) => boolean
}

export function createAcceptPlainEvents(
  { log, isUnchecked }: AcceptPlainEventsDeps,
  { maxEvents, maxEventBytes }: { readonly maxEvents: number; readonly maxEventBytes: number },
): AcceptPlainEvents {
  const limits = (): PlainEventsLimits | undefined => {
    const partitions = log()?.partitions
    return partitions === undefined ? undefined : { maxEvents, maxEventBytes, partitions, isUnchecked }
  }
  return {
    read(text, layout, reception) {
      const known = limits()
      return known && readPlainEvents(text, layout, reception, known)
    },
    readMessage(message, reception) {
      const known = limits()
      return known && readPlainMessage(message, reception, known)
    },
    append({ records }, outcome) {
      const current = log()
      if (current === undefined) outcome.failed(kafkaNotReached())
      else current.producer.appendFor(records, outcome)
    },
  }
}
