import { setImmediate as turn } from 'node:timers/promises'
import { DeliveryState } from '@millrace/proto'
import type { OutgoingRecord } from '@millrace/service-kit/kafka-producer'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { createDeliveryStateWriter } from '../src/delivery-state-writer.ts'

const told = (partitions: number) =>
  ({ tenant: 'acme', state: { $case: 'heartbeat', value: { partitions } } }) as const

function startWriter() {
  const sent: { message: OutgoingRecord; confirm: () => void; refuse: () => void }[] = []
  const writer = createDeliveryStateWriter(
    {
      send: (message) =>
        new Promise<void>((resolve, reject) => {
          sent.push({ message, confirm: resolve, refuse: () => reject(new Error('no broker')) })
        }),
      logger: createLogger('test', 'silent'),
      now: () => 5,
    },
    { kafkaTopicPrefix: 'x-', instance: 'i-1' },
  )
  return { writer, sent }
}

t.test(
  'of what is put while Kafka is asked only the newest is written, and an end without a value',
  async (t) => {
    const { writer, sent } = startWriter()
    writer.put('a', told(1))
    await turn()
    writer.put('a', told(2))
    writer.put('a', told(3))
    sent[0]?.confirm()
    await turn()
    const values = sent.map(({ message: { value } }) => value && DeliveryState.decode(value))
    t.match(values, [
      { tenant: 'acme', instance: 'i-1', writtenAtUs: 5_000, state: { value: { partitions: 1 } } },
      { state: { value: { partitions: 3 } } },
    ])
    t.equal(sent.length, 2)
    sent[1]?.confirm()
    await turn()
    writer.put('a', undefined)
    await turn()
    t.match(sent[2]?.message, { topic: 'x-millrace.delivery-state', key: 'a', value: null })
  },
)

t.test('what Kafka refused is written again', async (t) => {
  const { writer, sent } = startWriter()
  writer.put('a', told(1))
  await turn()
  sent[0]?.refuse()
  while (sent.length < 2) await turn()
  t.same(sent[1]?.message, sent[0]?.message)
  sent[1]?.confirm()
  await writer.stop(1_000)
  t.equal(sent.length, 2)
})
