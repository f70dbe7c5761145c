import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A second request for a delivery, by the receiver's own clock. */
export interface Retry {
  /** As the delivery asked for it; its path says so. */
  readonly delayMs: number
  /** Since its first request was answered. */
  readonly afterMs: number
}

/** Answers a delivery's first request with 500, and every other with 200. */
export interface FailingOnceReceiver {
  readonly origin: string
  readonly retries: readonly Retry[]
  stop(): Promise<void>
}

export async function startFailingOnceReceiver(): Promise<FailingOnceReceiver> {
  const failedMs = new Map<string, number>()
  const retries: Retry[] = []
  const server = createServer((request, response) => {
    const nowMs = performance.now()
    const id = String(request.headers['webhook-id'])
    const firstMs = failedMs.get(id)
    request.resume()
    if (firstMs === undefined) {
      failedMs.set(id, nowMs)
      response.statusCode = 500
    } else retries.push({ delayMs: Number(request.url?.slice(1)), afterMs: nowMs - firstMs })
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    retries,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
