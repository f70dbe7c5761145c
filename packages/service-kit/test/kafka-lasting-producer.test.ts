import t from 'tap'
import { readConfig } from '../src/config.ts'
import { startLastingProducer } from '../src/kafka-lasting-producer.ts'
import type { KafkaProducer, KafkaProducerOptions } from '../src/kafka-producer.ts'
import { createLogger } from '../src/log.ts'
import { kafkaSettings } from '../src/shared-settings.ts'

const options = { clientId: 'test', deliveryTimeoutMs: 1_000, lingerMs: 0, maxUnconfirmedBytes: 1_000 }

interface Connection {
  readonly trouble: NonNullable<KafkaProducerOptions['onTrouble']>
  readonly answerPing: (error?: Error) => void
  stopped: boolean
}

/** A lasting producer over clients that do as they are told; `states` are what it said of itself. */
function startSample(failures = 0) {
  const connections: Connection[] = []
  const states: (string | undefined)[] = []
  const changed: (() => void)[] = []
  let attempts = 0
  const connect = async (_config: unknown, { onTrouble }: KafkaProducerOptions): Promise<KafkaProducer> => {
    attempts += 1
    if (attempts <= failures) throw new Error('no broker answers')
    const number = attempts
    const pings: { resolve: () => void; reject: (error: Error) => void }[] = []
    const connection: Connection = {
      trouble: (trouble) => onTrouble?.(trouble),
      answerPing: (error) => {
        const ping = pings.shift()
        if (ping === undefined) throw new Error('nobody pinged')
        if (error === undefined) ping.resolve()
        else ping.reject(error)
      },
      stopped: false,
    }
    connections.push(connection)
    return {
      send: ({ topic }) =>
        topic === 'never-answered' ? new Promise(() => undefined) : Promise.resolve(number),
      unconfirmed: () => ({ messages: 0, bytes: 0 }),
      ping: () => new Promise((resolve, reject) => pings.push({ resolve, reject })),
      stop: async () => {
        connection.stopped = true
      },
    }
  }
  const producer = startLastingProducer(
    readConfig(kafkaSettings, {}),
    options,
    createLogger('test', 'silent'),
    (missing) => {
      states.push(missing)
      for (const listener of changed.splice(0)) listener()
    },
    connect,
  )
  const untilStates = async (count: number): Promise<void> => {
    while (states.length < count) await new Promise<void>((resolve) => changed.push(resolve))
  }
  return { producer, connections, states, untilStates }
}

const message = { topic: 'a', value: Buffer.alloc(1) }

t.test('without a connection a send is refused at once, and works once there is one', async (t) => {
  const { producer, states, untilStates } = startSample(1)
  await t.rejects(producer.send(message), { code: 'unavailable' })
  await untilStates(2)
  t.same(states, ['no broker answers', undefined])
  t.equal(await producer.send(message), 2)
  await producer.stop(1_000)
})

t.test('after a fatal error there is another client', async (t) => {
  const { producer, connections, states, untilStates } = startSample()
  await untilStates(1)
  connections[0]?.trouble({ fatal: true, reason: 'fenced' })
  await t.rejects(producer.send(message), { code: 'unavailable' }, 'the old one is not used any more')
  await untilStates(3)
  t.same(states, [undefined, 'fenced', undefined])
  t.ok(connections[0]?.stopped)
  t.equal(await producer.send(message), 2)
  connections[0]?.trouble({ fatal: true, reason: 'late' })
  t.equal(await producer.send(message), 2, 'what the old one says later changes nothing')
  await producer.stop(1_000)
  t.ok(connections[1]?.stopped)
})

t.test('in an outage the client stays and the cluster is asked until it answers', async (t) => {
  const { producer, connections, states, untilStates } = startSample()
  await untilStates(1)
  connections[0]?.trouble({ fatal: false, reason: 'timed out' })
  connections[0]?.trouble({ fatal: false, reason: 'timed out again' })
  t.same(states, [undefined, 'timed out', 'timed out again'])
  connections[0]?.answerPing(new Error('no answer'))
  await untilStates(4)
  await t.rejects(
    producer.send(message),
    { code: 'unavailable' },
    'nobody waits for what is known to be away',
  )
  const answered = untilStates(5)
  // The next question comes after a pause.
  const answering = setInterval(() => {
    try {
      connections[0]?.answerPing()
    } catch {
      // not asked yet
    }
  }, 10)
  await answered
  clearInterval(answering)
  t.same(states.slice(3), ['no answer', undefined])
  t.equal(await producer.send(message), 1)
  t.equal(connections.length, 1)
  await producer.stop(1_000)
})

t.test('a send that a fatal error left without an answer is refused once the client is closed', async (t) => {
  const { producer, untilStates, connections } = startSample()
  await untilStates(1)
  const sent = producer.send({ ...message, topic: 'never-answered' })
  connections[0]?.trouble({ fatal: true, reason: 'fenced' })
  await t.rejects(sent, { code: 'unavailable' })
  await untilStates(3)
  const last = producer.send({ ...message, topic: 'never-answered' })
  const refused = t.rejects(last, { code: 'unavailable' }, 'as it is at the end')
  await producer.stop(1_000)
  await refused
})
