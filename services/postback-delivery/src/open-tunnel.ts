import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { ProxyError } from './describe-failure.ts'

/** Where all connections go out through. An operator's choice: its own address is not checked. */
export interface OutboundProxy {
  readonly protocol: 'http:' | 'https:'
  readonly hostname: string
  readonly port: number
  /** Of the header `proxy-authorization`. */
  readonly authorization: string | undefined
}

/** @returns undefined when it is not the URL of an HTTP proxy */
export function parseProxy(text: string): OutboundProxy | undefined {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return undefined
  const { protocol, username, password } = url
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return {
    protocol,
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (protocol === 'https:' ? 443 : 80),
    authorization: user === ':' ? undefined : `Basic ${Buffer.from(user).toString('base64')}`,
  }
}

/**
 * Asks a proxy for a tunnel (CONNECT) to an address that has been checked already: the proxy resolves nothing.
 * @returns what ends the attempt
 */
export function openTunnel(
  proxy: OutboundProxy,
  { address, port }: { readonly address: string; readonly port: number },
  timeoutMs: number,
  callback: (error: ProxyError | undefined, socket?: Socket) => void,
): { destroy(): void } {
  const authority = `${address.includes(':') ? `[${address}]` : address}:${port}`
  const { protocol, hostname, authorization } = proxy
  const send = protocol === 'https:' ? httpsRequest : httpRequest
  const request = send({
    host: hostname,
    port: proxy.port,
    method: 'CONNECT',
    path: authority,
    agent: false,
    timeout: timeoutMs,
    headers: { host: authority, ...(authorization && { 'proxy-authorization': authorization }) },
  })
  request.once('connect', ({ statusCode = 0 }, socket: Socket, head) => {
    if (statusCode >= 200 && statusCode < 300) {
      if (head.length > 0) socket.unshift(head)
      callback(undefined, socket)
      return
    }
    socket.destroy()
    callback(new ProxyError(`the proxy answered ${statusCode}`))
  })
  request.once('timeout', () => request.destroy(new Error('it does not answer')))
  request.once('error', (error) =>
    callback(new ProxyError(`the proxy failed: ${error.message}`, { cause: error })),
  )
  request.end()
  return request
}
