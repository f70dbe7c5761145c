import t from 'tap'
import { kafkaProperties } from '../../local-stack/kafka-settings.ts'

const one = [{ client: 9092, controller: 9093 }]
const three = [...one, { client: 9094, controller: 9095 }, { client: 9096, controller: 9097 }]

t.test('a broker listens on the loopback address only and makes no topic by accident', async (t) => {
  const lines = kafkaProperties({ index: 0, ports: one }).split('\n')
  t.ok(lines.includes('listeners=CLIENT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093'))
  t.ok(lines.includes('advertised.listeners=CLIENT://127.0.0.1:9092'))
  t.ok(lines.includes('auto.create.topics.enable=false'))
})

t.test('a single broker replicates nothing', async (t) => {
  const lines = kafkaProperties({ index: 0, ports: one }).split('\n')
  t.ok(lines.includes('default.replication.factor=1'))
  t.ok(lines.includes('transaction.state.log.min.isr=1'))
})

t.test('three brokers replicate everything, survive the loss of one, and know each other', async (t) => {
  const lines = kafkaProperties({ index: 2, ports: three }).split('\n')
  t.ok(lines.includes('node.id=3'))
  t.ok(lines.includes('controller.quorum.voters=1@127.0.0.1:9093,2@127.0.0.1:9095,3@127.0.0.1:9097'))
  for (const key of ['default', 'offsets.topic', 'transaction.state.log'])
    t.ok(lines.includes(`${key}.replication.factor=3`))
  t.ok(lines.includes('min.insync.replicas=2'))
  t.ok(lines.includes('transaction.state.log.min.isr=2'))
})

t.test('a setting of the caller takes the place of ours', async (t) => {
  const lines = kafkaProperties({ index: 0, ports: one, settings: { 'num.io.threads': '9' } }).split('\n')
  t.same(
    lines.filter((line) => line.startsWith('num.io.threads=')),
    ['num.io.threads=9'],
  )
})

t.test('there is no fourth of three brokers', async (t) => {
  t.throws(() => kafkaProperties({ index: 3, ports: three }), /no broker 3/)
})
