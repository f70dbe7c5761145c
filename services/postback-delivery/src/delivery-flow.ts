import type { Delivery } from '@millrace/proto'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import type { TransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import type { AssignedPartition, DeliveryRecord, SourceRecord } from './assigned-partition.ts'
import { createAttemptQueue } from './attempt-queue.ts'
import type { AwaitCatalog } from './await-catalog.ts'
import type { HttpSender } from './http-sender.ts'
import { type AttempterConfig, createAttempter } from './make-attempt.ts'
import type { DeliveryMetrics } from './metrics.ts'
import { createOutcomeWriter } from './outcome-writer.ts'
import type { Target } from './resolve-target.ts'
import { createRecordRouter } from './route-record.ts'
import type { SignRequest } from './sign-request.ts'
import { createSignal, waitUntil } from './signal.ts'

/** From a record that is ripe to its outcome, written down. */
export interface DeliveryFlow {
  take(record: DeliveryRecord): void
  skip(record: SourceRecord): void
  inFlight(): number
  unsettled(): number
  /** Records that wait for their turn. */
  waiting(): number
  drain(partitions: readonly AssignedPartition[]): Promise<void>
  /** Starts nothing more, gives what is under way the time it has, and writes down what has ended by then. */
  stop(graceMs: number): Promise<void>
}

export interface DeliveryFlowDeps {
  readonly sender: HttpSender
  readonly connectProducer: () => Promise<TransactionalProducer>
  readonly awaitCatalog: AwaitCatalog
  readonly resolve: (delivery: Delivery) => Target
  readonly sign: SignRequest
  readonly onSettled: () => void
  readonly onState: (missing: string | undefined) => void
  readonly logger: Logger
  readonly metrics: DeliveryMetrics
  readonly now: () => number
  readonly random: () => number
}

/** Each is repeated after a crash: above this, attempts wait until Kafka has written some down. */
const maxUnsettled = 2_000
/** How long the group waits, when partitions move, for attempts under way; what takes longer is repeated. */
const drainMs = 3_000
const flushMs = 5_000

export function createDeliveryFlow(
  deps: DeliveryFlowDeps,
  config: AttempterConfig & Pick<KafkaConfig, 'kafkaTopicPrefix'> & { concurrency: number },
): DeliveryFlow {
  const attempted = createSignal()
  let stopped = false
  const attempt = createAttempter(deps, config)
  const run = async (record: DeliveryRecord): Promise<void> => {
    const { messages, report } = await attempt(record.delivery)
    // Cut off by our own stop, or another instance's by now: as if it had not been made.
    const abandoned = stopped || record.partition.state === 'gone'
    report(abandoned)
    if (!abandoned) writer.finish(record, messages)
  }
  const queue = createAttemptQueue(
    {
      mayStart: () => writer.unsettled() < maxUnsettled,
      attempt: run,
      onFinished: attempted.notify,
    },
    config,
  )
  const place = (record: DeliveryRecord): void => {
    // The partition's next owner reads it again.
    if (record.partition.state !== 'owned') return
    const target = deps.resolve(record.delivery)
    if (target.kind === 'send') queue.add(record, target)
    else void run(record)
  }
  const enqueue = (record: DeliveryRecord): void => {
    const behind = deps.awaitCatalog(record.delivery)
    if (behind === undefined) place(record)
    else void behind.then(() => place(record))
  }
  const writer = createOutcomeWriter({
    ...deps,
    connect: deps.connectProducer,
    onSettled() {
      queue.pump()
      deps.onSettled()
    },
  })
  const router = createRecordRouter({ ...deps, enqueue, finish: writer.finish }, config)
  return {
    take: router.route,
    skip(record) {
      deps.metrics.undecodable.inc()
      const { topic, partition } = record.partition
      deps.logger.error({ topic, partition, offset: record.offset }, 'record is no delivery, skipped')
      writer.finish(record, [])
    },
    inFlight: queue.inFlight,
    unsettled: writer.unsettled,
    waiting: () => queue.waiting() + router.held(),
    async drain(partitions) {
      await waitUntil(attempted, () => partitions.every(({ inFlight }) => inFlight === 0), drainMs)
      await writer.flush(flushMs)
    },
    async stop(graceMs) {
      queue.stop()
      router.stop()
      await waitUntil(attempted, () => queue.inFlight() === 0, graceMs)
      stopped = true
      await writer.flush(flushMs)
      await deps.sender.stop()
      await writer.stop()
    },
  }
}
