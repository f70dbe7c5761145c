import type {
  ConsumerGlobalConfig,
  LibrdKafkaError,
  ProducerGlobalConfig,
} from '@confluentinc/kafka-javascript'
import type { ConfigOf } from './config.ts'
import type { Logger } from './log.ts'
import type { kafkaSecuritySettings, kafkaTopicSettings } from './shared-settings.ts'

/** How brokers are reached that are not open to everybody; nothing for those that are. */
export type KafkaSecurity = Partial<ConfigOf<typeof kafkaSecuritySettings>>
export type KafkaConfig = ConfigOf<typeof kafkaTopicSettings> & KafkaSecurity

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
    ...securityConfig(config),
  }
}

type ClientSecurity = Pick<
  ConsumerGlobalConfig,
  | 'security.protocol'
  | 'ssl.ca.pem'
  | 'ssl.certificate.pem'
  | 'ssl.key.pem'
  | 'sasl.mechanisms'
  | 'sasl.username'
  | 'sasl.password'
>

function securityConfig(config: KafkaSecurity): ClientSecurity {
  const { kafkaTls: tls = false, kafkaTlsCa: ca, kafkaTlsCert: cert, kafkaTlsKey: key } = config
  const { kafkaSaslMechanism: mechanism, kafkaSaslUsername: username, kafkaSaslPassword: password } = config
  const sasl = mechanism !== undefined
  return {
    'security.protocol': tls ? (sasl ? 'sasl_ssl' : 'ssl') : sasl ? 'sasl_plaintext' : 'plaintext',
    ...(ca !== undefined && { 'ssl.ca.pem': ca }),
    ...(cert !== undefined && key !== undefined && { 'ssl.certificate.pem': cert, 'ssl.key.pem': key }),
    ...(sasl && {
      'sasl.mechanisms': mechanism,
      'sasl.username': username ?? '',
      'sasl.password': password ?? '',
    }),
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
