import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Third parties of all kinds: most answer soon, some slowly, a tenth never well. */
export interface FickleReceivers {
  readonly origins: readonly string[]
  /** Whether what goes to that origin is to end as dead. */
  fails(origin: string): boolean
  /** Requests so far. */
  received(): number
  /** Requests that are not answered yet, or were answered within that time. */
  underWay(withinMs: number): number
  stop(): Promise<void>
}

const count = 10
const slowEvery = 200
const slowMs = 2_000
const quickMs = 50

export async function startFickleReceivers(): Promise<FickleReceivers> {
  // The last is the one that fails.
  const statuses = Array.from({ length: count }, (_, index) => (index === count - 1 ? 500 : 200))
  let received = 0
  let open = 0
  let answeredMs: number[] = []
  const servers = statuses.map((status) =>
    createServer((request, response) => {
      received += 1
      open += 1
      request.resume()
      const waitMs = received % slowEvery === 0 ? slowMs : Math.random() * quickMs
      setTimeout(() => {
        open -= 1
        answeredMs.push(Date.now())
        response.statusCode = status
        response.end()
      }, waitMs)
    }),
  )
  await Promise.all(servers.map(listen))
  const origins = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return {
    origins,
    fails: (origin) => origin === origins.at(-1),
    received: () => received,
    underWay(withinMs) {
      const sinceMs = Date.now() - withinMs
      answeredMs = answeredMs.filter((ms) => ms >= sinceMs)
      return open + answeredMs.length
    },
    async stop() {
      for (const server of servers) server.closeAllConnections()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}
