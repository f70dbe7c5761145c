import type { Event } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import { ServiceError } from '@millrace/service-kit/errors'
import { kafkaNotReached } from '@millrace/service-kit/kafka-not-reached'
import type { MessagePosition } from './append-outcome.ts'
import type { CheckEvent } from './check-event.ts'
import { encodeEventRecord } from './encode-record.ts'
import type { EventProducer } from './event-producer.ts'
import { createFaultList } from './fault-list.ts'

export interface AcceptEventsDeps {
  /** Undefined while Kafka has not been reached yet. */
  readonly log: () => EventLog | undefined
  readonly checkEvent: CheckEvent
}

export interface EventLog {
  readonly producer: Pick<EventProducer, 'append'>
  readonly partitions: number
}

export interface AcceptedEvents {
  /** In the order of the events. */
  readonly ids: readonly string[]
  /** Of the messages that hold them. */
  readonly positions: readonly MessagePosition[]
}

/**
 * Accepts all events or none; resolves once Kafka has confirmed them.
 * @throws {ServiceError} `invalid-request`, `too-large`, `unavailable`
 */
export type AcceptEvents = (events: readonly Event[]) => Promise<AcceptedEvents>

/**
 * The core behind every door that takes events. A crash before the confirmation leaves the request without an answer,
 * whether the events were written or not: the sender sends them again, and their ids make the repeat count once.
 */
export function createAcceptEvents(
  deps: AcceptEventsDeps,
  config: { readonly maxEventBytes: number },
): AcceptEvents {
  // Not async: what waits for Kafka would hold the records, and with them their slabs.
  const append = (events: readonly Event[], log: EventLog): ReturnType<EventProducer['append']> => {
    const records = events.map((event) => ({
      partition: eventPartition(event, log.partitions),
      bytes: encodeEventRecord(event),
    }))
    const large = records.findIndex(({ bytes }) => bytes.length > config.maxEventBytes)
    if (large !== -1) throw tooLarge(large, config.maxEventBytes)
    return log.producer.append(records)
  }
  return async (events) => {
    const log = deps.log()
    if (log === undefined) throw kafkaNotReached()
    checkAll(events, deps.checkEvent)
    const positions = await append(events, log)
    return { ids: events.map((event) => event.id), positions }
  }
}

function checkAll(events: readonly Event[], checkEvent: CheckEvent): void {
  const faults = createFaultList()
  for (const [index, event] of events.entries()) {
    const fault = checkEvent(event)
    if (fault !== undefined) faults.add(index, fault.pointer, fault.detail)
  }
  faults.refuse()
}

function tooLarge(index: number, maxEventBytes: number): ServiceError {
  const detail = `An event has at most ${maxEventBytes} bytes, attributes included.`
  return new ServiceError('too-large', `Nothing was accepted: ${detail}`, {
    faults: [{ index, pointer: '', detail }],
  })
}
