import type { ReplayProgressIndex } from '@millrace/catalog/replay-progress'
import { Delivery } from '@millrace/proto'
import { deadTopic, parkedTopic } from '@millrace/proto/topics'
import type { KafkaConsumer, Message, TopicPartitionOffset } from '@millrace/service-kit/kafka-consumer'
import { createLogger } from '@millrace/service-kit/log'
import t, { type Test } from 'tap'
import { EarlierTransactionError, type RedriveWriter } from '../src/redrive-writer.ts'
import { startReplayRunner } from '../src/replay-runner.ts'
import type { DeliveryReplay } from '../src/select-kept.ts'
import { makeDelivery } from './helper.ts'

const held = parkedTopic.name
const dead = deadTopic.name

function makeReplay(name: string, status: 'held' | 'dead'): DeliveryReplay {
  const requestedAt = '2026-01-01T00:00:00Z'
  return {
    ...{ tenant: name, kind: 'replay', name, version: 1, updatedAt: requestedAt, updatedBy: 'test' },
    body: { what: 'deliveries', filter: { status }, ratePerSecond: 1_000, status: 'accepted', requestedAt },
  }
}

/** One partition of each topic, with one delivery of each tenant that asks for a replay there. */
function setUp(
  t: Test,
  replays: readonly DeliveryReplay[],
  faults: { onRead?: (topic: string) => Promise<void>; onWrite?: (replay: string) => void },
) {
  const clock = { now: 1_000_000 }
  const sent: string[] = []
  const assigned: string[] = []
  const delivery = (tenant: string): Buffer =>
    Buffer.from(Delivery.encode(makeDelivery({ id: tenant, tenant })).finish())
  const kept = (topic: string): Message[] =>
    replays
      .filter(({ body }) => (body.filter.status === 'held' ? held : dead) === topic)
      .map(({ tenant }, offset) => ({ topic, partition: 0, offset, size: 1, value: delivery(tenant) }))
  const connectReader = async (): Promise<KafkaConsumer> => {
    let topic = ''
    let rest: Message[] = []
    const reader: Pick<KafkaConsumer, 'assign' | 'consume' | 'onEnd' | 'stop'> = {
      assign(partitions) {
        const [first] = partitions as TopicPartitionOffset[]
        topic = first?.topic ?? ''
        rest = kept(topic).slice(first?.offset)
        assigned.push(topic)
      },
      async consume() {
        await faults.onRead?.(topic)
        return rest.splice(0)
      },
      onEnd: () => undefined,
      stop: async () => undefined,
    }
    return reader as KafkaConsumer
  }
  let broken = false
  const writer: RedriveWriter = {
    async ready() {
      broken = false
    },
    async write(messages) {
      if (broken) throw new EarlierTransactionError()
      const ids = messages.filter(({ topic }) => topic === 'millrace.postbacks').map(({ key }) => String(key))
      for (const id of ids) {
        broken = true
        faults.onWrite?.(id)
        broken = false
      }
      sent.push(...ids)
    },
    stop: async () => undefined,
  }
  const progress: ReplayProgressIndex = {
    read: () => undefined,
    readPart: () => undefined,
    partKeys: () => [],
  }
  const runner = startReplayRunner(
    {
      replays: () => replays,
      progress,
      kept: () => ({
        owned: () => [held, dead].map((topic) => ({ topic, partition: 0 })),
        fence: () => ({ consumer: { client: {} as never, isEvicted: () => false }, offsets: [] }),
      }),
      writer,
      connectReader,
      range: async ({ topic }) => ({ low: 0, high: kept(topic).length }),
      catalogThrough: () => 0,
      stateThrough: () => 0,
      onRedriven: () => undefined,
      logger: createLogger('test', 'silent'),
      now: () => clock.now,
    },
    { kafkaTopicPrefix: '', instance: 'one', partitions: () => 1 },
  )
  t.teardown(runner.stop)
  const readings = (topic: string): number => assigned.filter((one) => one === topic).length
  return { clock, sent, readings, wake: runner.wake }
}

/** Runs what is due: nothing here waits for anything but other promises. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

t.test(
  'one that cannot be read does not end the others, and is left alone for longer each time',
  async (t) => {
    const failed = Promise.withResolvers<void>()
    let failures = 0
    const { clock, sent, readings, wake } = setUp(
      t,
      [makeReplay('good', 'held'), makeReplay('bad', 'dead')],
      {
        async onRead(topic) {
          // It goes on only once the other one has failed.
          if (topic === held) return await failed.promise
          failures += 1
          throw new Error('a broker is away')
        },
      },
    )
    await until(() => failures === 1)
    await new Promise((resolve) => setImmediate(resolve))
    failed.resolve()
    await until(() => sent.length === 1)
    t.same(sent, ['good'])
    t.equal(readings(held), 2, 'looked through, then taken up: not begun anew')
    for (const pauseMs of [1_000, 2_000, 4_000]) {
      const before = failures
      clock.now += pauseMs - 1
      wake()
      for (let n = 0; n < 50; n += 1) await new Promise((resolve) => setImmediate(resolve))
      t.equal(failures, before, `nothing is tried within ${pauseMs} ms`)
      clock.now += 1
      wake()
      await until(() => failures > before)
    }
  },
)

t.test('one that cannot be written sets the others back once, and is skipped then', async (t) => {
  let refusals = 0
  const replays = [makeReplay('bad', 'dead'), makeReplay('good', 'dead')]
  const { sent } = setUp(t, replays, {
    onWrite(replay) {
      if (replay !== 'bad') return
      refusals += 1
      throw new Error('the message is too large')
    },
  })
  await until(() => sent.length === 1)
  t.same(sent, ['good'])
  t.equal(refusals, 1)
})
