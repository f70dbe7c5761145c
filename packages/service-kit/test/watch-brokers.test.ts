import { Writable } from 'node:stream'
import t from 'tap'
import type { KafkaConfig } from '../src/kafka-client.ts'
import type { LiveClient } from '../src/kafka-live-clients.ts'
import { createLogger } from '../src/log.ts'
import { createReadiness } from '../src/readiness.ts'
import { createBrokerLookout } from '../src/watch-brokers.ts'

/** Two clients and a Kafka that do as they are told. */
function setUp() {
  const state = { firstHas: true, secondHas: true, brokers: 1, ended: 0, asked: 0 }
  const config = { kafkaBrokers: ['localhost:9092'] } as unknown as KafkaConfig
  const clients: LiveClient[] = [
    { name: 'first', config, hasBroker: async () => state.firstHas },
    { name: 'second', config, hasBroker: async () => state.secondHas },
  ]
  const lines: Record<string, unknown>[] = []
  const write = (line: Buffer, _encoding: string, done: () => void): void => {
    lines.push(JSON.parse(line.toString()))
    done()
  }
  const readiness = createReadiness([])
  const lookout = createBrokerLookout({
    clients: () => [...clients],
    countBrokers: async () => {
      state.asked += 1
      return state.brokers
    },
    readiness,
    logger: createLogger('test', 'info', new Writable({ write })),
    end: () => {
      state.ended += 1
    },
  })
  const look = async (times: number): Promise<void> => {
    for (let done = 0; done < times; done += 1) await lookout.look()
  }
  return { state, clients, lines, readiness, lookout, look }
}

t.test(
  'the process ends at the fourth look in a row, and its last line says for whom and since when',
  async (t) => {
    const { state, lines, readiness, lookout, look } = setUp()
    state.secondHas = false
    await look(1)
    t.ok(readiness.isReady(), 'one that has just lost its connection')
    await look(2)
    t.same(readiness.missing(), { 'kafka-clients': 'no broker is known any more to second' })
    t.equal(lookout.withoutBroker(), 1)
    t.equal(state.ended, 0)
    await look(1)
    t.equal(state.ended, 1)
    t.match(lines, [{ level: 'fatal', part: 'second', since: /^\d{4}-.*Z$/, looks: 4 }])
  },
)

t.test('while all clients have a broker nobody else is asked', async (t) => {
  const { state, readiness, lookout, look } = setUp()
  await look(9)
  t.same([state.asked, state.ended, lookout.withoutBroker()], [0, 0, 0])
  t.ok(readiness.isReady())
})

t.test('a client that has found a broker again begins anew', async (t) => {
  const { state, readiness, look } = setUp()
  for (let round = 0; round < 3; round += 1) {
    state.firstHas = false
    await look(3)
    state.firstHas = true
    await look(1)
    t.ok(readiness.isReady())
  }
  t.equal(state.ended, 0)
})

t.test('two clients that lose it in turn do not add up', async (t) => {
  const { state, look } = setUp()
  for (let round = 0; round < 8; round += 1) {
    state.firstHas = round % 2 === 0
    state.secondHas = !state.firstHas
    await look(1)
  }
  t.equal(state.ended, 0)
})

t.test(
  'while Kafka is away nothing ends, and when it is back clients get the whole time to find it',
  async (t) => {
    const { state, readiness, lookout, look } = setUp()
    state.firstHas = false
    state.secondHas = false
    await look(3)
    state.brokers = 0
    await look(20)
    t.equal(lookout.withoutBroker(), 2, 'the gauge tells of them all the same')
    t.ok(readiness.isReady(), 'others say that Kafka is away')
    state.brokers = 1
    await look(3)
    t.equal(state.ended, 0)
    await look(1)
    t.equal(state.ended, 1)
  },
)

t.test('a client that was closed, or is being closed while it is asked, ends nothing', async (t) => {
  const { state, clients, lookout, readiness, look } = setUp()
  state.firstHas = false
  await look(3)
  const [closed] = clients.splice(0, 1)
  await look(1)
  t.equal(state.ended, 0)
  t.ok(readiness.isReady())
  const config = closed?.config as KafkaConfig
  const closing: LiveClient = {
    name: 'closing',
    config,
    hasBroker: async () => {
      clients.splice(clients.indexOf(closing), 1)
      return false
    },
  }
  clients.push(closing)
  await look(1)
  t.equal(lookout.withoutBroker(), 0)
})

t.test('a look that is still under way when the service stops ends nothing', async (t) => {
  const { state, lookout, look } = setUp()
  state.firstHas = false
  await look(3)
  const stopping = new AbortController()
  const looking = lookout.look(stopping.signal)
  stopping.abort()
  await looking
  t.equal(state.ended, 0)
})
