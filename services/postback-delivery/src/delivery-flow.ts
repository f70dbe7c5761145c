import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import type { TransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import { createSignal, waitUntil } from '@millrace/service-kit/signal'
import type { AssignedPartition, DeliveryRecord, SourceRecord } from './assigned-partition.ts'
import { type AttemptQueue, createAttemptQueue, type PutOffReason } from './attempt-queue.ts'
import type { AwaitCatalog } from './await-catalog.ts'
import { tierMessage } from './describe-attempt.ts'
import { type AttempterConfig, type AttempterDeps, createAttempter } from './make-attempt.ts'
import type { OpenReceiver } from './open-receiver.ts'
import { createOutcomeWriter } from './outcome-writer.ts'
import { createRecordPlacer } from './place-record.ts'
import { chooseTier } from './retry-schedule.ts'
import { createRecordRouter } from './route-record.ts'
import type { SharedState } from './shared-state.ts'
import type { WatchEndpoint } from './watch-endpoint.ts'
import { measureEventLoop } from './workload.ts'

/** From a record that is ripe to its outcome, written down. */
export interface DeliveryFlow {
  /** Call it before the first record is read. Rejects when Kafka does not answer. */
  prepare(): Promise<void>
  take(record: DeliveryRecord): void
  skip(record: SourceRecord): void
  /** Deliveries that are due, by receiver. */
  readonly queue: Pick<AttemptQueue, 'inFlight' | 'depths' | 'depthOf' | 'recheck' | 'relieve' | 'isHeldUp'>
  unsettled(): number
  /** Records that wait for their turn. */
  waiting(): number
  drain(partitions: readonly AssignedPartition[]): Promise<void>
  /** Starts nothing more, gives what is under way the time it has, and writes down what has ended by then. */
  stop(graceMs: number): Promise<void>
}

export interface DeliveryFlowDeps extends AttempterDeps {
  readonly connectProducer: () => Promise<TransactionalProducer>
  readonly awaitCatalog: AwaitCatalog
  readonly openReceiver: OpenReceiver
  readonly watchEndpoint: WatchEndpoint
  /** Undefined until it has been read; no record comes before. */
  readonly shared: () => Pick<SharedState, 'breakers' | 'instances'> | undefined
  /** Partitions of millrace.postbacks. */
  readonly homes: () => number
  readonly onSettled: () => void
  readonly onState: (missing: string | undefined) => void
}

export type DeliveryFlowConfig = AttempterConfig &
  Pick<KafkaConfig, 'kafkaTopicPrefix'> & {
    readonly concurrency: number
    readonly maxWaiting: number
    readonly maxWaitingBytes: number
  }

/** Each is repeated after a crash: above this, attempts wait until Kafka has written some down. */
const maxUnsettled = 2_000
/** How long the group waits, when partitions move, for attempts under way; what takes longer is repeated. */
const drainMs = 3_000
const flushMs = 5_000
/** A slot at a tier's very end counts as within it. */
const slackMs = 100

export function createDeliveryFlow(deps: DeliveryFlowDeps, config: DeliveryFlowConfig): DeliveryFlow {
  const attempted = createSignal()
  let stopped = false
  const attempt = createAttempter(deps, config)
  const run = async (record: DeliveryRecord, isProbe: boolean): Promise<void> => {
    const { messages, report, receiver, endpoint } = await attempt(record.delivery)
    // Cut off by our own stop, or another instance's by now: as if it had not been made.
    const abandoned = stopped || record.partition.state === 'gone'
    report(abandoned)
    if (abandoned) return
    if (receiver !== undefined) deps.shared()?.breakers.report(receiver, receiver.health, isProbe)
    // First: after a crash in between the attempt is made again, and disables it then.
    if (endpoint !== undefined) await deps.watchEndpoint(endpoint)
    writer.finish(record, messages, receiver !== undefined)
  }
  const putOff = (record: DeliveryRecord, notBeforeMs: number, reason: PutOffReason): void => {
    deps.metrics.putOffs.inc({ reason })
    const { delivery } = record
    const later = { ...delivery, notBeforeUs: notBeforeMs * 1_000, putOff: (delivery.putOff ?? 0) + 1 }
    const tier = chooseTier(notBeforeMs - deps.now() + slackMs)
    writer.finish(record, [tierMessage(later, tier, config.kafkaTopicPrefix)], false)
  }
  const queue = createAttemptQueue(
    {
      ...deps,
      attempt: run,
      putOff,
      gate: (queueKey, leaseMs) => deps.shared()?.breakers.gate(queueKey, leaseMs) ?? 'go',
      busyShare: measureEventLoop(),
      mayStart: () => writer.unsettledAttempts() < maxUnsettled,
      onFinished: attempted.notify,
      onRoom: deps.onSettled,
    },
    // The rest is for what waits for its time and for Kafka: receivers that take nothing must not keep others from being read.
    { ...config, maxWaiting: config.maxWaiting / 2, maxWaitingBytes: config.maxWaitingBytes / 2 },
  )
  const writer = createOutcomeWriter({
    ...deps,
    connect: deps.connectProducer,
    onSettled() {
      queue.pump()
      deps.onSettled()
    },
  })
  const passOn: Parameters<typeof createRecordRouter>[0]['passOn'] = (record, message) =>
    writer.finish(record, [message], false)
  const placer = createRecordPlacer(
    {
      ...deps,
      queue,
      passOn,
      conclude: (record) => void run(record, false),
      instances: () => deps.shared()?.instances,
    },
    config,
  )
  const place = (record: DeliveryRecord): void => {
    // The partition's next owner reads it again.
    if (record.partition.state === 'owned') placer.place(record)
  }
  const enqueue = (record: DeliveryRecord): void => {
    const behind = deps.awaitCatalog(record.delivery)
    if (behind === undefined) place(record)
    else void behind.then(() => place(record))
  }
  const router = createRecordRouter({ ...deps, enqueue, hasRoom: placer.hasRoom, passOn }, config)
  return {
    prepare: writer.prepare,
    take: router.route,
    skip(record) {
      deps.metrics.undecodable.inc()
      const { topic, partition } = record.partition
      deps.logger.error({ topic, partition, offset: record.offset }, 'record is no delivery, skipped')
      writer.finish(record, [], false)
    },
    queue,
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
