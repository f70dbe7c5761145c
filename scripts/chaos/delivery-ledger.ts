import { Attempt, Outcome } from '@millrace/proto'
import { deliveriesTopic } from '@millrace/proto/topics'
import { readConfig } from '@millrace/service-kit/config'
import { connectKafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'

/** What millrace.deliveries tells of each delivery. */
export interface DeliveryLedger {
  /** Attempts that are accounted for. */
  attempts(): number
  /** Attempts that stand there twice: the delivery has forked. */
  forks(): number
  delivered(): ReadonlySet<string>
  dead(): ReadonlySet<string>
  stop(): Promise<void>
}

export async function readDeliveryLedger(bootstrapServers: string): Promise<DeliveryLedger> {
  const consumer = await connectKafkaConsumer(
    readConfig(kafkaSettings, { KAFKA_BROKERS: bootstrapServers }),
    { clientId: 'ledger', groupId: 'ledger', topics: [deliveriesTopic.name] },
    createLogger('ledger', 'warn'),
  )
  const seen = new Set<string>()
  const ends = { [Outcome.DELIVERED]: new Set<string>(), [Outcome.DEAD]: new Set<string>() }
  let attempts = 0
  let reading = true
  const note = ({ deliveryId, number, outcome }: Attempt): void => {
    attempts += 1
    seen.add(`${deliveryId} ${number}`)
    if (outcome === Outcome.DELIVERED || outcome === Outcome.DEAD) ends[outcome].add(deliveryId)
  }
  const running = (async () => {
    while (reading) {
      for (const { value } of await consumer.consume(1_000, 200))
        if (value !== null) note(Attempt.decode(value))
    }
  })()
  return {
    attempts: () => attempts,
    forks: () => attempts - seen.size,
    delivered: () => ends[Outcome.DELIVERED],
    dead: () => ends[Outcome.DEAD],
    async stop() {
      reading = false
      await running
      await consumer.stop()
    },
  }
}
