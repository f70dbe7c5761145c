import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Kafka's number of a request in the protocol. */
export const txnOffsetCommit = 28

/** A relay in front of a broker that can take away the one connection which a request is about to be sent on. */
export interface SeveringProxy {
  readonly port: number
  /** The next request of that kind is not passed on: its connection is cut, and no new one is taken until `mend`. */
  sever(kind: number): void
  isSevered(): boolean
  mend(): void
  stop(): Promise<void>
}

const lengthBytes = 4

/** @param targetPort asked for at each connection, so that the broker may start after the proxy */
export async function startSeveringProxy(targetPort: () => number): Promise<SeveringProxy> {
  const sockets = new Set<Socket>()
  let wanted: number | undefined
  let severed = false
  const server = createServer((client) => {
    if (severed) return client.destroy()
    const broker = connect(targetPort(), '127.0.0.1')
    for (const socket of [client, broker]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => socket.destroy())
      socket.once('close', () => {
        sockets.delete(socket)
        client.destroy()
        broker.destroy()
      })
    }
    broker.pipe(client)
    let rest: Buffer = Buffer.alloc(0)
    client.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes])
      while (rest.length >= lengthBytes + 2) {
        const end = lengthBytes + rest.readInt32BE(0)
        if (rest.length < end) return
        if (rest.readInt16BE(lengthBytes) === wanted) {
          wanted = undefined
          severed = true
          return client.destroy()
        }
        broker.write(rest.subarray(0, end))
        rest = rest.subarray(end)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sever(kind) {
      wanted = kind
    },
    isSevered: () => severed,
    mend() {
      severed = false
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
