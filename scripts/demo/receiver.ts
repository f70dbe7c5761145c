import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the third party got: the query of each request that it answered with 200, by flight. */
export interface Receiver {
  readonly url: string
  received(): ReadonlyMap<string, Readonly<Record<string, string>>>
  /** All requests, the refused ones and repeats included. */
  requests(): number
  refused(): number
  stop(): Promise<void>
}

/** A third party on loopback that answers 500 to its first requests, as one that is just starting would. */
export async function startReceiver(refuseFirst: number): Promise<Receiver> {
  const received = new Map<string, Record<string, string>>()
  let requests = 0
  let refused = 0
  const server = createServer((request, response) => {
    requests += 1
    request.resume()
    if (refused < refuseFirst) {
      refused += 1
      response.writeHead(500).end('not yet')
      return
    }
    const query = Object.fromEntries(new URL(request.url ?? '/', 'http://receiver').searchParams)
    received.set(query.flight ?? '', query)
    response.writeHead(200).end('thanks')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => received,
    requests: () => requests,
    refused: () => refused,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
