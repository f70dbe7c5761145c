import { EventRecord } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import { kafkaNotReached } from '@millrace/service-kit/kafka-not-reached'
import type { AcceptEventsDeps } from './accept-events.ts'

/** A settlement or a retraction. */
export type Command = Exclude<NonNullable<EventRecord['record']>, { $case: 'event' | 'replayed' }>

/**
 * Resolves once Kafka has confirmed the command.
 * @throws {ServiceError} `unavailable`
 */
export type AcceptCommand = (command: Command) => Promise<void>

/**
 * Writes a command into the partition of the event that it is about, so that it meets the event and all its repeats in
 * front of one consumer, in order. Whether there is such an event only that consumer knows.
 */
export function createAcceptCommand(deps: Pick<AcceptEventsDeps, 'log'>): AcceptCommand {
  return async (command) => {
    const log = deps.log()
    if (log === undefined) throw kafkaNotReached()
    const partition = eventPartition(command.value, log.partitions)
    const bytes = EventRecord.encode({ record: command }).finish()
    await log.producer.append([{ partition, bytes }])
  }
}
