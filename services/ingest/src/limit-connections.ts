import type { Server } from 'node:http'

export interface ConnectionLimits {
  readonly headersTimeoutMs: number
  readonly receiveTimeoutMs: number
  readonly maxConnections: number
}

/**
 * Options of a Fastify app. Requests that take longer are answered with 408 and cut off.
 * @param tls options of its server, when it has TLS
 */
export function receiveTimeouts(
  { https }: { readonly https?: object },
  { headersTimeoutMs, receiveTimeoutMs }: ConnectionLimits,
): { requestTimeout: number; http?: object; https?: object } {
  const headersTimeout = Math.min(headersTimeoutMs, receiveTimeoutMs)
  // Looked for four times meanwhile; by default only each half minute.
  const server = {
    headersTimeout,
    connectionsCheckingInterval: Math.ceil(headersTimeout / 4),
    // `requireHost` says it better.
    requireHostHeader: false,
  }
  return {
    requestTimeout: receiveTimeoutMs,
    ...(https === undefined ? { http: server } : { https: { ...https, ...server } }),
  }
}

export function limitConnections(server: Server, { maxConnections }: ConnectionLimits): void {
  // Further ones are closed as soon as they are there.
  server.maxConnections = maxConnections
  // The size of headers has a limit. A limit of their number would drop the rest unheard, attributes of events among them.
  server.maxHeadersCount = 0
}
