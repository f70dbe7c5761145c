import { kafkaNotReached } from '@millrace/service-kit/kafka-not-reached'
import type { AcceptedEvents, EventLog } from './accept-events.ts'
import type { Reception } from './read-event.ts'
import type { JsonLayout } from './read-json-events.ts'
import { type PlainEvents, readPlainEvents } from './read-plain-events.ts'

/** As `AcceptEvents` for requests of which nothing is unusual, in two steps: in between the caller's limits are asked. */
export interface AcceptPlainEvents {
  /** Undefined when the request is for the general way. */
  read(text: Buffer, layout: JsonLayout, reception: Reception): PlainEvents | undefined
  append(events: PlainEvents): Promise<AcceptedEvents>
}

export interface AcceptPlainEventsDeps {
  /** Undefined while Kafka has not been reached yet. */
  readonly log: () => EventLog | undefined
  /** Whether the catalog has nothing to say of events of this type before they are accepted. */
  readonly isUnchecked: (tenant: string, type: string) => boolean
}

export function createAcceptPlainEvents(
  { log, isUnchecked }: AcceptPlainEventsDeps,
  { maxEvents, maxEventBytes }: { readonly maxEvents: number; readonly maxEventBytes: number },
): AcceptPlainEvents {
  return {
    read(text, layout, reception) {
      const partitions = log()?.partitions
      if (partitions === undefined) return undefined
      return readPlainEvents(text, layout, reception, { maxEvents, maxEventBytes, partitions, isUnchecked })
    },
    // Not async, as in `createAcceptEvents`: what waits for Kafka would hold the records.
    append({ ids, records }) {
      const appending = log()?.producer.append(records) ?? Promise.reject(kafkaNotReached())
      return appending.then((positions) => ({ ids, positions }))
    },
  }
}
