import t from 'tap'
import { planPorts, SERVICE_NAMES } from '../../local-stack/port-plan.ts'
import { serviceEnvironment } from '../../local-stack/service-environment.ts'

const options = { plan: planPorts(1, 100), rootKey: 'mr_root_test', inherited: {} }

t.test('a service is told its own ports and where its neighbours are', async (t) => {
  t.same(serviceEnvironment('ingest', options), {
    KAFKA_BROKERS: '127.0.0.1:9192',
    KAFKA_TOPIC_PREFIX: '',
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: '4',
    KAFKA_POSTBACKS_PARTITIONS: '4',
    CLICKHOUSE_URL: 'http://127.0.0.1:8223',
    CLICKHOUSE_DATABASE: 'millrace',
    CLICKHOUSE_USER: 'default',
    CLICKHOUSE_PASSWORD: '',
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '8180',
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: '50151',
    OPERATIONS_HOST: '127.0.0.1',
    OPERATIONS_PORT: '9201',
    LOG_LEVEL: 'info',
    MILLRACE_ROOT_KEY: 'mr_root_test',
  })
})

t.test('with three brokers everything is replicated, and all brokers are named', async (t) => {
  const environment = serviceEnvironment('aggregator', { ...options, plan: planPorts(3, 0) })
  t.match(environment, {
    KAFKA_BROKERS: '127.0.0.1:9092,127.0.0.1:9094,127.0.0.1:9096',
    KAFKA_REPLICATION_FACTOR: '3',
    KAFKA_MIN_INSYNC_REPLICAS: '2',
  })
})

t.test('only query is told of the aggregator, only postback-delivery may reach this machine', async (t) => {
  const having = (variable: string) =>
    SERVICE_NAMES.filter((name) => variable in serviceEnvironment(name, options))
  t.same(having('AGGREGATOR_ADDRESSES'), ['query'])
  t.same(having('POSTBACK_ALLOWED_NETWORKS'), ['postback-delivery'])
  t.equal(serviceEnvironment('query', options).AGGREGATOR_ADDRESSES, '127.0.0.1:50153')
})

t.test(
  'what describes the stack cannot be overridden by the shell it runs in; choices of the person can',
  async (t) => {
    const inherited = {
      KAFKA_BROKERS: 'elsewhere:1',
      LOG_LEVEL: 'debug',
      POSTBACK_ALLOWED_NETWORKS: '10.0.0.0/8',
      PATH: '/bin',
    }
    const environment = serviceEnvironment('postback-delivery', { ...options, inherited })
    t.match(environment, {
      KAFKA_BROKERS: '127.0.0.1:9192',
      LOG_LEVEL: 'debug',
      POSTBACK_ALLOWED_NETWORKS: '10.0.0.0/8',
      PATH: '/bin',
    })
  },
)
