import { randomUUID } from 'node:crypto'
import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import type { DeliveryStateReader } from '@millrace/catalog/delivery-state-reader'
import { createReplayProgressIndex } from '@millrace/catalog/replay-progress'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import {
  connectKafkaConsumer,
  type KafkaConsumer,
  type KafkaConsumerOptions,
} from '@millrace/service-kit/kafka-consumer'
import { connectTransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import { connectKeptPartitions, type KeptPartitions } from './kept-partitions.ts'
import { createRedriveWriter } from './redrive-writer.ts'
import { startReplayRunner } from './replay-runner.ts'
import { isOfDeliveries } from './select-kept.ts'

/** Takes dead and held deliveries up again, as the replays in the catalog ask for it. */
export interface Replays {
  stop(): Promise<void>
}

export interface ReplaysDeps {
  readonly catalog: CatalogReader
  readonly state: Pick<DeliveryStateReader, 'store' | 'position'>
  readonly onRedriven: (count: number) => void
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface ReplaysConfig extends KafkaConfig {
  readonly instance: string
  /** By topic, without the deployment's prefix. */
  readonly partitions: (topic: string) => number
}

const clientId = 'millrace-postback-delivery-replays'
/** A transaction that a crash left open is aborted after it, unless the same instance comes back before. */
const transactionTimeoutMs = 10_000
const watermarksTimeoutMs = 5_000

/** Resolves once the group can be joined; rejects when no broker answers. */
export async function startReplays(deps: ReplaysDeps, config: ReplaysConfig): Promise<Replays> {
  const { catalog, state, logger } = deps
  let kept: KeptPartitions | undefined
  const connect = (overrides: KafkaConsumerOptions['overrides']): Promise<KafkaConsumer> =>
    // No group: it assigns by hand, and commits nothing.
    connectKafkaConsumer(
      config,
      { clientId, groupId: `${clientId}-${randomUUID()}`, ...(overrides && { overrides }) },
      logger,
    )
  // Readers stop at the first transaction that is open, and what they take for the end lies before it.
  const ends = await connect({ 'isolation.level': 'read_uncommitted' })
  const runner = startReplayRunner(
    {
      ...deps,
      replays: () => catalog.store.all('replay').filter(isOfDeliveries),
      progress: createReplayProgressIndex(state.store),
      kept: () => kept,
      writer: createRedriveWriter(() =>
        connectTransactionalProducer(
          config,
          {
            clientId,
            transactionalId: `${clientId}-${config.instance}`,
            timeoutMs: transactionTimeoutMs,
          },
          logger,
        ),
      ),
      connectReader: () => connect({ 'queued.min.messages': 1_000, 'queued.max.messages.kbytes': 4_096 }),
      range: ({ topic, partition }) => ends.watermarks(topic, partition, watermarksTimeoutMs),
      catalogThrough: catalog.position,
      stateThrough: state.position,
    },
    config,
  )
  catalog.store.onChange(({ kind }) => {
    if (kind === 'replay') runner.wake()
  })
  const ignoreState = state.store.onChange((key) => {
    if (key.startsWith('replay/')) runner.wake()
  })
  try {
    kept = await connectKeptPartitions(
      { onAssigned: runner.wake, onRevoked: runner.interrupt, logger },
      config,
    )
  } catch (error) {
    ignoreState()
    await runner.stop()
    await ends.stop()
    throw error
  }
  return {
    async stop() {
      ignoreState()
      await runner.stop()
      await kept?.stop()
      await ends.stop()
    },
  }
}
