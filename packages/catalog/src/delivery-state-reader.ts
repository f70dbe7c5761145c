import { DeliveryState } from '@millrace/proto'
import { deliveryStateTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { startTopicFollower, type TopicFollower } from '@millrace/service-kit/kafka-topic-follower'
import type { Logger } from '@millrace/service-kit/log'
import { createDeliveryStateStore, type DeliveryStateStore } from './delivery-state-store.ts'

/** Follows millrace.delivery-state from its beginning. */
export interface DeliveryStateReader extends TopicFollower {
  readonly store: DeliveryStateStore
}

/** Resolves once the end was reached; rejects when no broker answers. Later outages are waited out. */
export async function startDeliveryStateReader(
  config: KafkaConfig,
  logger: Logger,
  service: string,
): Promise<DeliveryStateReader> {
  const store = createDeliveryStateStore()
  const follower = await startTopicFollower(
    config,
    {
      topic: deliveryStateTopic.name,
      clientId: `${service}-delivery-state`,
      part: 'delivery-state',
      apply({ key, value }) {
        if (!key) return
        store.apply(key.toString(), value === null ? undefined : DeliveryState.decode(value))
      },
    },
    logger,
  )
  return { store, ...follower }
}
