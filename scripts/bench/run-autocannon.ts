import autocannon from 'autocannon'

export interface HttpLoad {
  /** Base address of a door that takes events. */
  readonly url: string
  readonly contentType: string
  /** Sent in turn by each connection. */
  readonly bodies: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly requests: number
}

/** Sends so many requests over 64 connections as fast as they are answered; all have to be answered with 2xx. */
export async function postEvents(load: HttpLoad): Promise<{ readonly perSecond: number }> {
  const startedAt = performance.now()
  const result = await autocannon({
    url: `${load.url}/v1/events`,
    method: 'POST',
    headers: { 'content-type': load.contentType, ...load.headers },
    requests: load.bodies.map((body) => ({ body })),
    amount: load.requests,
    connections: 64,
  })
  if (result['2xx'] !== load.requests) {
    throw new Error(`${result['2xx']} of ${load.requests} requests were answered with 2xx`)
  }
  return { perSecond: load.requests / ((performance.now() - startedAt) / 1_000) }
}
