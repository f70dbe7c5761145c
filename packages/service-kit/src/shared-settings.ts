import { z } from 'zod'
import { count, list, onOff, port, secretSetting, setting, text } from './config.ts'
import { certificateFault, keyFault, pemFile, tlsSettings } from './tls.ts'

export const logSettings = {
  logLevel: setting(
    'LOG_LEVEL',
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    'lowest level that is logged',
  ),
  shutdownTimeoutMs: setting(
    'SHUTDOWN_TIMEOUT_MS',
    count(20_000),
    'milliseconds that a graceful stop may take before the process exits anyway',
  ),
} as const

export const kafkaTopicSettings = {
  kafkaBrokers: setting('KAFKA_BROKERS', list('127.0.0.1:9092'), 'host:port of brokers, comma-separated'),
  kafkaTopicPrefix: setting(
    'KAFKA_TOPIC_PREFIX',
    text(''),
    'put before the names of topics, consumer groups and transactional ids, so that several meshes share a cluster',
  ),
  kafkaReplicationFactor: setting(
    'KAFKA_REPLICATION_FACTOR',
    count(3),
    'replicas of topics that a service creates',
  ),
  kafkaMinInsyncReplicas: setting(
    'KAFKA_MIN_INSYNC_REPLICAS',
    count(2),
    'min.insync.replicas of topics that a service creates',
  ),
  kafkaEventsPartitions: setting(
    'KAFKA_EVENTS_PARTITIONS',
    count(12),
    'partitions of millrace.events when a service creates it',
  ),
  kafkaPostbacksPartitions: setting(
    'KAFKA_POSTBACKS_PARTITIONS',
    count(12),
    'partitions of each postback and delivery topic when a service creates it',
  ),
} as const

/** How brokers are reached that are not open to everybody. */
export const kafkaSecuritySettings = {
  kafkaTls: setting('KAFKA_TLS', onOff, 'true reaches the brokers over TLS; their names are verified'),
  kafkaTlsCa: {
    ...setting(
      'KAFKA_TLS_CA_FILE',
      pemFile(certificateFault),
      'PEM file of the authorities of the brokers’ certificates; the system’s when not given',
    ),
    needs: 'KAFKA_TLS',
  },
  kafkaTlsCert: {
    ...setting(
      'KAFKA_TLS_CERT_FILE',
      pemFile(certificateFault),
      'PEM file of the certificate to show to the brokers',
    ),
    needs: 'KAFKA_TLS_KEY_FILE',
  },
  kafkaTlsKey: {
    ...setting('KAFKA_TLS_KEY_FILE', pemFile(keyFault), 'PEM file of the private key of that certificate'),
    needs: 'KAFKA_TLS_CERT_FILE',
  },
  kafkaSaslMechanism: setting(
    'KAFKA_SASL_MECHANISM',
    z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).optional(),
    'how to log in at the brokers; without one nobody logs in',
  ),
  kafkaSaslUsername: {
    ...setting('KAFKA_SASL_USERNAME', text(''), 'name to log in at the brokers with'),
    needs: 'KAFKA_SASL_MECHANISM',
  },
  kafkaSaslPassword: {
    ...secretSetting('KAFKA_SASL_PASSWORD', text(''), 'password to log in at the brokers with'),
    needs: 'KAFKA_SASL_USERNAME',
  },
} as const

export const kafkaSettings = { ...kafkaTopicSettings, ...kafkaSecuritySettings } as const

export const clickhouseSettings = {
  clickhouseUrl: setting(
    'CLICKHOUSE_URL',
    text('http://127.0.0.1:8123'),
    'URL of ClickHouse’s HTTP interface',
  ),
  clickhouseDatabase: setting('CLICKHOUSE_DATABASE', text('millrace'), 'database that holds the tables'),
  clickhouseCluster: setting(
    'CLICKHOUSE_CLUSTER',
    z
      .string()
      .regex(/^[\w.-]*$/, 'is a name of letters, digits, _ . and -')
      .default(''),
    'cluster of ClickHouse, as in its system.clusters, whose replicas hold the tables: one shard; empty for a single node',
  ),
  clickhouseUser: setting('CLICKHOUSE_USER', text('default'), 'ClickHouse user'),
  clickhousePassword: secretSetting('CLICKHOUSE_PASSWORD', text(''), 'password of the ClickHouse user'),
  clickhouseTlsCa: setting(
    'CLICKHOUSE_TLS_CA_FILE',
    pemFile(certificateFault),
    'PEM file of the authorities of ClickHouse’s certificate, for an https URL; the system’s when not given',
  ),
} as const

export const rootKeySettings = {
  rootKey: secretSetting(
    'MILLRACE_ROOT_KEY',
    z
      .string()
      .min(16, 'needs at least 16 characters')
      .max(512, 'has at most 512 characters')
      .regex(/^\S+$/, 'must not hold blanks'),
    'the first API key: tenant "default", all scopes',
  ),
} as const

/** For services that keep secrets in the catalog, or use them. */
export const secretsKeySettings = {
  secretsKeys: secretSetting(
    'MILLRACE_SECRETS_KEY',
    z
      .string()
      .default('')
      .transform((value) => value.split(',').map((part) => part.trim()))
      .transform((parts) => parts.filter((part) => part !== '').map((part) => Buffer.from(part, 'base64')))
      .refine(
        (keys) => keys.every((key) => key.length === 32),
        'each key is 32 bytes in base64',
      ) as unknown as z.ZodType<Buffer[]>,
    'keys that seal the secrets of endpoints, comma-separated, the newest first: all of them open; without one, a key derived from MILLRACE_ROOT_KEY',
  ),
} as const

/** Settings of the operations door, and of the gRPC door that every service has. */
export function doorSettings(ports: { grpc: number; operations: number }) {
  const tls = tlsSettings('GRPC', 'gRPC door')
  return {
    grpcTlsCert: tls.cert,
    grpcTlsKey: tls.key,
    grpcTlsClientCa: tls.clientCa,
    grpcHost: setting('GRPC_HOST', text('0.0.0.0'), 'address that the gRPC door listens on'),
    grpcPort: setting('GRPC_PORT', port(ports.grpc), 'port of the gRPC door; 0 takes a free one'),
    operationsHost: setting(
      'OPERATIONS_HOST',
      text('0.0.0.0'),
      'address that the operations door listens on',
    ),
    operationsPort: setting(
      'OPERATIONS_PORT',
      port(ports.operations),
      'port of /metrics and /healthz; 0 takes a free one',
    ),
  } as const
}

export function httpSettings(defaultPort: number) {
  const tls = tlsSettings('HTTP', 'public HTTP door')
  return {
    httpTlsCert: tls.cert,
    httpTlsKey: tls.key,
    httpTlsClientCa: tls.clientCa,
    httpHost: setting('HTTP_HOST', text('0.0.0.0'), 'address that the public HTTP door listens on'),
    httpPort: setting('HTTP_PORT', port(defaultPort), 'port of the public HTTP door; 0 takes a free one'),
  } as const
}
