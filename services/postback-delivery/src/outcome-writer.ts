import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import type { TransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import { createSignal, waitUntil } from '@millrace/service-kit/signal'
import type { SourceRecord } from './assigned-partition.ts'
import { isWrittenDown, type Position, readPositions, toConsumerPositions } from './commit-positions.ts'
import type { DeliveryMetrics } from './metrics.ts'

/**
 * Writes down what became of records: their messages, and that they are finished, in one Kafka transaction per batch.
 * So the next record of a delivery exists if and only if its former one is done.
 */
export interface OutcomeWriter {
  /**
   * The record is done once `messages` are written.
   * @param attempted a request was made: it is repeated when they are not
   */
  finish(record: SourceRecord, messages: readonly OutgoingMessage[], attempted: boolean): void
  /** Finished records that are not written down yet. */
  unsettled(): number
  /** Those of them for which a request was made. */
  unsettledAttempts(): number
  /**
   * Settles what this instance's last run left open; until then nobody is told how far its partitions have come.
   * Rejects when Kafka does not answer.
   */
  prepare(): Promise<void>
  /** Waits until all that is finished by now is settled; false when that took too long. */
  flush(timeoutMs: number): Promise<boolean>
  /** Gives up what is unsettled: it will be repeated. */
  stop(): Promise<void>
}

export interface OutcomeWriterDeps {
  /** Resolves once every earlier transaction of this instance is committed or aborted. */
  readonly connect: () => Promise<TransactionalProducer>
  /** Something was settled. */
  readonly onSettled: () => void
  /** Why nothing can be written now, or undefined as soon as it can. */
  readonly onState: (missing: string | undefined) => void
  readonly logger: Logger
  readonly metrics: DeliveryMetrics
}

/** Without what was delivered: nobody needs that any more. */
interface Finished extends Pick<SourceRecord, 'partition' | 'offset' | 'bytes'> {
  readonly messages: readonly OutgoingMessage[]
  readonly attempted: boolean
}

/** Records that finish within this time travel together. */
const lingerMs = 50
const retryMs = 250
const maxBatchRecords = 2_000
const maxBatchBytes = 8 * 1024 * 1024

export function createOutcomeWriter(deps: OutcomeWriterDeps): OutcomeWriter {
  const writerId = randomUUID().slice(0, 8)
  const settled = createSignal()
  const pending: Finished[] = []
  let batch: Finished[] = []
  let transactions = 0
  let finishedRecords = 0
  let settledRecords = 0
  let unsettledAttempts = 0
  let producer: TransactionalProducer | undefined
  // Positions of a transaction of which it is not known whether it was committed.
  let inDoubt: readonly Position[] | undefined
  let running: Promise<void> | undefined
  let stopped = false
  let urgent = false

  /** A crash before the commit undoes all of it, one after the commit nothing: that is what the transaction is for. */
  const write = async (): Promise<void> => {
    producer ??= await deps.connect()
    transactions += 1
    const positions = readPositions(
      batch.map(({ partition }) => partition),
      `${writerId}-${transactions}`,
    )
    inDoubt = positions
    const end = deps.metrics.commitSeconds.startTimer()
    await producer.writeAll(
      batch.flatMap(({ messages }) => messages),
      toConsumerPositions(positions),
    )
    end()
    inDoubt = undefined
  }
  /** Written a second time, a batch would fork its deliveries: first it is found out what became of the first try. */
  const resolveDoubt = async (positions: readonly Position[]): Promise<boolean> => {
    await producer?.stop()
    producer = undefined
    producer = await deps.connect()
    const written = await isWrittenDown(positions)
    inDoubt = undefined
    return written
  }
  const tryToSettle = async (): Promise<boolean> => {
    try {
      if (inDoubt !== undefined && (await resolveDoubt(inDoubt))) return true
      // Another instance has the partition by now, and repeats what was not committed.
      batch = batch.filter(({ partition }) => partition.state !== 'gone')
      if (batch.length > 0) await write()
      deps.metrics.commits.inc({ result: 'committed' })
      return true
    } catch (error) {
      deps.metrics.commits.inc({ result: 'failed' })
      deps.logger.warn({ err: error, records: batch.length }, 'outcomes could not be written')
      deps.onState(`outcomes cannot be written: ${error instanceof Error ? error.message : String(error)}`)
      return false
    }
  }
  const run = async (): Promise<void> => {
    while (!stopped && pending.length > 0) {
      if (!urgent) await delay(lingerMs)
      urgent = false
      batch = takeBatch(pending)
      const taken = batch.reduce((count, { attempted }) => count + (attempted ? 1 : 0), 0)
      while (!(await tryToSettle())) {
        if (stopped) return
        await delay(retryMs)
      }
      unsettledAttempts -= taken
      for (const finished of batch) settle(finished)
      batch = []
      settledRecords = finishedRecords - pending.length
      deps.onState(undefined)
      settled.notify()
      deps.onSettled()
    }
    // At once, not when the promise settles: what is finished in between would wait for ever.
    running = undefined
  }
  return {
    finish({ partition, offset, bytes }, messages, attempted) {
      pending.push({ partition, offset, bytes, messages, attempted })
      finishedRecords += 1
      if (attempted) unsettledAttempts += 1
      running ??= run()
    },
    unsettled: () => pending.length + batch.length,
    unsettledAttempts: () => unsettledAttempts,
    async prepare() {
      producer ??= await deps.connect()
    },
    flush(timeoutMs) {
      urgent = true
      const target = finishedRecords
      return waitUntil(settled, () => settledRecords >= target, timeoutMs)
    },
    async stop() {
      stopped = true
      await running
      await producer?.stop()
    },
  }
}

/** Takes from the front, and tells the trackers: what is finished and what is in the batch stays the same set. */
function takeBatch(pending: Finished[]): Finished[] {
  let bytes = 0
  let count = 0
  for (const { messages } of pending) {
    bytes += messages.reduce((sum, { value }) => sum + value.length, 0)
    if (count > 0 && (count >= maxBatchRecords || bytes > maxBatchBytes)) break
    count += 1
  }
  const batch = pending.splice(0, count)
  for (const { partition, offset } of batch) partition.tracker.finish(offset)
  return batch
}

function settle({ partition, bytes }: Finished): void {
  partition.records -= 1
  partition.bytes -= bytes
}
