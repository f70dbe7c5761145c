import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { fetchBrokerIds, metadataRequest, parseBrokerIds } from '../../local-stack/kafka-metadata.ts'

/** A Metadata answer, version 1, up to the brokers, as the protocol's page has it. */
function answer(brokers: { id: number; host: string; rack: string | null }[]): Buffer {
  const int = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(value)
    return bytes
  }
  const text = (value: string | null) => {
    const length = Buffer.alloc(2)
    length.writeInt16BE(value === null ? -1 : value.length)
    return Buffer.concat([length, Buffer.from(value ?? '')])
  }
  const rows = brokers.flatMap(({ id, host, rack }) => [int(id), text(host), int(9092), text(rack)])
  const body = Buffer.concat([int(1), int(brokers.length), ...rows, int(1), int(0)])
  return Buffer.concat([int(body.length), body])
}

const BROKERS = [
  { id: 1, host: '127.0.0.1', rack: null },
  { id: 3, host: 'a-longer-host', rack: 'rack-a' },
]

t.test('the ids of the brokers are read past hosts and racks of any length', async (t) => {
  t.same(parseBrokerIds(answer(BROKERS)), [1, 3])
  t.same(parseBrokerIds(answer([])), [])
})

t.test('the request carries its own length', async (t) => {
  t.equal(metadataRequest().readInt32BE(0), metadataRequest().length - 4)
})

t.test('an answer in pieces is put together; a broker that hangs up or is not there is a no', async (t) => {
  const replies: ((socket: import('node:net').Socket) => void)[] = [
    (socket) => {
      const bytes = answer(BROKERS)
      socket.write(bytes.subarray(0, 7))
      setImmediate(() => socket.write(bytes.subarray(7)))
    },
    (socket) => socket.end(),
  ]
  const server = createServer((socket) => socket.once('data', () => replies.shift()?.(socket)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  t.same(await fetchBrokerIds(port), [1, 3])
  t.equal(await fetchBrokerIds(port), null)
  server.close()
  await once(server, 'close')
  t.equal(await fetchBrokerIds(port), null)
})
