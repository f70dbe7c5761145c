import type { PortPlan, ServiceName } from './port-plan.ts'

export type ServiceEnvironmentOptions = {
  plan: PortPlan
  rootKey: string
  /** What the person, or the test, has set. */
  inherited: NodeJS.ProcessEnv
}

/** The third parties of a local stack are on this machine. */
const LOCAL_NETWORKS = '127.0.0.0/8,::1/128'

/** What one service is told of the mesh around it. */
export function serviceEnvironment(name: ServiceName, options: ServiceEnvironmentOptions): NodeJS.ProcessEnv {
  const { plan, rootKey, inherited } = options
  const { http, grpc, operations } = plan.services[name]
  return {
    ...inherited,
    ...kafkaEnvironment(plan),
    CLICKHOUSE_URL: `http://127.0.0.1:${plan.clickhouse.http}`,
    CLICKHOUSE_DATABASE: 'millrace',
    CLICKHOUSE_USER: 'default',
    CLICKHOUSE_PASSWORD: '',
    ...(http === undefined ? {} : { HTTP_HOST: '127.0.0.1', HTTP_PORT: String(http) }),
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: String(grpc),
    OPERATIONS_HOST: '127.0.0.1',
    OPERATIONS_PORT: String(operations),
    LOG_LEVEL: inherited.LOG_LEVEL || 'info',
    MILLRACE_ROOT_KEY: rootKey,
    ...(name === 'query'
      ? {
          AGGREGATOR_ADDRESSES: `127.0.0.1:${plan.services.aggregator.grpc}`,
          QUERY_INGEST_URL: `http://127.0.0.1:${plan.services.ingest.http}`,
        }
      : {}),
    ...(name === 'postback-delivery'
      ? { POSTBACK_ALLOWED_NETWORKS: inherited.POSTBACK_ALLOWED_NETWORKS || LOCAL_NETWORKS }
      : {}),
  }
}

function kafkaEnvironment(plan: PortPlan): NodeJS.ProcessEnv {
  const clustered = plan.kafka.length >= 3
  return {
    KAFKA_BROKERS: plan.kafka.map(({ client }) => `127.0.0.1:${client}`).join(','),
    KAFKA_TOPIC_PREFIX: '',
    KAFKA_REPLICATION_FACTOR: clustered ? '3' : '1',
    KAFKA_MIN_INSYNC_REPLICAS: clustered ? '2' : '1',
    KAFKA_EVENTS_PARTITIONS: '4',
    KAFKA_POSTBACKS_PARTITIONS: '4',
  }
}
