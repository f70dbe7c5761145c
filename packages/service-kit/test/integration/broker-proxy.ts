import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands before a broker, and does to its clients what a broker that is well cannot be brought to do. */
export interface BrokerProxy {
  readonly address: string
  /** Cuts these clients off, by their ids, and nobody else. */
  refuse(clientIds: readonly string[]): void
  /** Whether answers with metadata name no broker, as those of a fenced one. */
  fence(fenced: boolean): void
  stop(): void
}

interface State {
  port: number
  fenced: boolean
  refused: readonly string[]
}

const metadataKey = 3
const host = '127.0.0.1'

/** @param broker host:port of 127.0.0.1, as the broker calls itself */
export async function startBrokerProxy(broker: string): Promise<BrokerProxy> {
  const brokerPort = Number(broker.split(':')[1])
  const state: State = { port: 0, fenced: false, refused: [] }
  const sockets = new Map<Socket, { clientId: string }>()
  const server = createServer((client) => {
    const connection = { clientId: '' }
    sockets.set(client, connection)
    passOn(client, connect(brokerPort, host), connection, state, brokerPort)
    client.on('close', () => sockets.delete(client))
  })
  server.listen(0, host)
  await once(server, 'listening')
  state.port = (server.address() as AddressInfo).port
  return {
    address: `${host}:${state.port}`,
    refuse(clientIds) {
      state.refused = clientIds
      for (const [socket, { clientId }] of sockets) if (clientIds.includes(clientId)) socket.destroy()
    },
    fence(fenced) {
      state.fenced = fenced
    },
    stop() {
      server.close()
      for (const socket of sockets.keys()) socket.destroy()
    },
  }
}

function passOn(
  client: Socket,
  broker: Socket,
  connection: { clientId: string },
  state: State,
  brokerPort: number,
): void {
  /** Versions of requests for metadata, by correlation id. */
  const metadata = new Map<number, number>()
  const onRequest = (frame: Buffer): void => {
    connection.clientId = frame.toString('utf8', 14, 14 + frame.readInt16BE(12))
    if (state.refused.includes(connection.clientId)) {
      client.destroy()
      return
    }
    if (frame.readInt16BE(4) === metadataKey) metadata.set(frame.readInt32BE(8), frame.readInt16BE(6))
    broker.write(frame)
  }
  const onAnswer = (frame: Buffer): void => {
    const version = metadata.get(frame.readInt32BE(4))
    metadata.delete(frame.readInt32BE(4))
    const hidden = state.fenced && version !== undefined
    client.write(hidden ? withoutBrokers(frame, version) : withPort(frame, brokerPort, state.port))
  }
  client.on('data', inFrames(onRequest))
  broker.on('data', inFrames(onAnswer))
  const end = (): void => {
    client.destroy()
    broker.destroy()
  }
  for (const socket of [client, broker]) socket.on('error', end).on('close', end)
}

/** Gathers what comes into whole messages of Kafka's protocol: four bytes of length, then as many. */
function inFrames(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      onFrame(Buffer.from(rest.subarray(0, end)))
      rest = rest.subarray(end)
    }
  }
}

/** Clients shall come back through the proxy. */
function withPort(frame: Buffer, from: number, to: number): Buffer {
  for (let at = frame.indexOf(host); at >= 0; at = frame.indexOf(host, at + 1)) {
    const portAt = at + host.length
    if (portAt + 4 <= frame.length && frame.readInt32BE(portAt) === from) frame.writeInt32BE(to, portAt)
  }
  return frame
}

/** Since version 9: length, correlation id, tags, throttle time, brokers, the rest. Counts and lengths are of one byte. */
function withoutBrokers(frame: Buffer, version: number): Buffer {
  if (version < 9) throw new Error(`metadata of version ${version} is not expected`)
  const brokersAt = 4 + 4 + 1 + 4
  const textBytes = (at: number): number => Math.max(1, frame.readUInt8(at))
  let at = brokersAt + 1
  for (let brokers = frame.readUInt8(brokersAt) - 1; brokers > 0; brokers -= 1) {
    at += 4 // its id
    at += textBytes(at) // host
    at += 4 // port
    at += textBytes(at) // rack
    at += 1 // tags
  }
  const changed = Buffer.concat([frame.subarray(0, brokersAt), Buffer.from([1]), frame.subarray(at)])
  changed.writeInt32BE(changed.length - 4, 0)
  return changed
}
