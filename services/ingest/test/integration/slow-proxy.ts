import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A relay in front of a broker that lets through only so much of what is sent to it. */
export interface SlowProxy {
  readonly port: number
  /** Bytes per second to the broker, over all connections; infinite at first. */
  setRate(bytesPerSecond: number): void
  stop(): Promise<void>
}

const tickMs = 20

/** @param targetPort asked for at each connection, so that the broker may start after the proxy */
export async function startSlowProxy(targetPort: () => number): Promise<SlowProxy> {
  const sockets = new Set<Socket>()
  const waiting: (() => void)[] = []
  let rate = Number.POSITIVE_INFINITY
  let credit = 0
  const clock = setInterval(() => {
    // Not saved up over idle times.
    credit = Math.min(credit, 0) + (rate * tickMs) / 1_000
    while (credit > 0 && waiting.length > 0) waiting.shift()?.()
  }, tickMs)
  const server = createServer((client) => {
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
    client.on('data', (bytes) => {
      broker.write(bytes)
      if (rate === Number.POSITIVE_INFINITY) return
      credit -= bytes.length
      if (credit > 0) return
      client.pause()
      waiting.push(() => client.resume())
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    setRate(bytesPerSecond) {
      rate = bytesPerSecond
    },
    async stop() {
      clearInterval(clock)
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
