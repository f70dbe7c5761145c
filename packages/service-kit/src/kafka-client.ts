import type {
  ConsumerGlobalConfig,
  LibrdKafkaError,
  ProducerGlobalConfig,
} from '@confluentinc/kafka-javascript'
import type { ConfigOf } from './config.ts'
import type { Logger } from './log.ts'
import type { kafkaSettings } from './shared-settings.ts'

export type KafkaConfig = ConfigOf<typeof kafkaSettings>

/** What every client of a deployment has in common. Names: librdkafka's CONFIGURATION.md. */
export function commonClientConfig(
  config: KafkaConfig,
  clientId: string,
): ConsumerGlobalConfig & ProducerGlobalConfig {
  return {
    'bootstrap.servers': config.kafkaBrokers.join(','),
    'client.id': clientId,
    // A broker that was killed comes back within a second or two; the default backs off to 10 s.
    'reconnect.backoff.ms': 50,
    'reconnect.backoff.max.ms': 1_000,
    'topic.metadata.refresh.interval.ms': 30_000,
    'socket.keepalive.enable': true,
    log_level: 3,
  }
}

interface ErrorEvents {
  on(event: 'event.error', listener: (error: LibrdKafkaError) => void): unknown
}

/** librdkafka reconnects by itself; its errors are facts for the log, not reasons to stop. */
export function logClientErrors(client: ErrorEvents, logger: Logger, part: string): void {
  let last = ''
  let lastAt = 0
  client.on('event.error', (error) => {
    const now = Date.now()
    if (error.message === last && now - lastAt < 10_000) return
    last = error.message
    lastAt = now
    logger.warn({ part, code: error.code, reason: error.message }, 'kafka client error')
  })
}
