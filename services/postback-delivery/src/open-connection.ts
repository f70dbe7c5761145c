import { isIP, type Socket } from 'node:net'
import { createSecureContext, getCACertificates } from 'node:tls'
import { buildConnector } from 'undici'
import type { AddressGuard } from './address-guard.ts'
import { type OutboundProxy, openTunnel } from './open-tunnel.ts'
import { onRead, readsAtOnce } from './read-at-once.ts'
import type { ReceiverTls } from './receiver.ts'

/** Opens a connection, and returns what ends the attempt. */
export type OpenConnection = (
  options: buildConnector.Options,
  callback: (error: Error | null, socket: Socket | null) => void,
) => { destroy(): void } | undefined

export interface ConnectionOpener {
  /**
   * @param tls what the receiver is verified with, where it is not the public authorities
   * @param allowH2 whether HTTP/2 is offered to it (ALPN); a receiver that does not take it gets HTTP/1.1
   */
  with(tls: ReceiverTls | undefined, allowH2: boolean): OpenConnection
}

/** Of the public authorities, over all receivers. */
const maxTlsSessions = 4_096

/**
 * Resolves, checks, and connects to what it has checked: a name cannot change its address in between. Through a proxy
 * it is the same: the proxy is given the address.
 */
export function createConnectionOpener(
  { guard, proxy }: { readonly guard: AddressGuard; readonly proxy?: OutboundProxy | undefined },
  { connectTimeoutMs }: { readonly connectTimeoutMs: number },
): ConnectionOpener {
  const plain = buildConnector({
    lookup: guard.lookup,
    timeout: connectTimeoutMs,
    onread: onRead,
  } as buildConnector.BuildOptions) as unknown as OpenConnection
  const connectPlain: OpenConnection = (options, callback) =>
    plain(options, (error, socket) => callback(error, socket && readsAtOnce(socket)))
  const build = (tls: ReceiverTls | undefined, allowH2: boolean): OpenConnection => {
    const connect = buildConnector({
      ...(tls !== undefined && { secureContext: secureContextOf(tls) }),
      lookup: guard.lookup,
      timeout: connectTimeoutMs,
      maxCachedSessions: tls === undefined ? maxTlsSessions : 16,
      allowH2,
      preferH2: true,
    } as buildConnector.BuildOptions) as unknown as OpenConnection
    return (options, callback) => {
      // In URLs, IPv6 stands in brackets.
      const host = options.hostname.replace(/^\[(.*)\]$/, '$1')
      const port = options.port === '' ? (options.protocol === 'https:' ? 443 : 80) : Number(options.port)
      const refusal = guard.refusal(host, port)
      if (refusal !== undefined) {
        queueMicrotask(() => callback(refusal, null))
        return undefined
      }
      const open = { ...options, ...serverName(options, host) }
      if (proxy === undefined) {
        return options.protocol === 'https:' ? connect(open, callback) : connectPlain(open, callback)
      }
      return tunnel({ guard, proxy, connect, connectTimeoutMs }, open, { host, port }, callback)
    }
  }
  const shared = { h1: build(undefined, false), h2: build(undefined, true) }
  return {
    with: (tls, allowH2) => (tls === undefined ? shared[allowH2 ? 'h2' : 'h1'] : build(tls, allowH2)),
  }
}

/** Names are sent without the dot that may end them. */
function serverName({ protocol }: buildConnector.Options, host: string): { servername?: string } {
  return protocol === 'https:' && isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : {}
}

function secureContextOf({ ca, trustsPublic, certificate, privateKey }: ReceiverTls) {
  return createSecureContext({
    ...(ca !== undefined && { ca: trustsPublic === true ? [...getCACertificates('default'), ca] : ca }),
    ...(certificate !== undefined && { cert: certificate, key: privateKey }),
    minVersion: 'TLSv1.2',
  })
}

interface Tunnelling {
  readonly guard: AddressGuard
  readonly proxy: OutboundProxy
  readonly connect: OpenConnection
  readonly connectTimeoutMs: number
}

function tunnel(
  { guard, proxy, connect, connectTimeoutMs }: Tunnelling,
  options: buildConnector.Options,
  { host, port }: { readonly host: string; readonly port: number },
  callback: (error: Error | null, socket: Socket | null) => void,
): { destroy(): void } {
  let current: { destroy(): void } | undefined
  let ended = false
  const finish: typeof callback = (error, socket) => {
    if (ended) socket?.destroy()
    else callback(error, socket)
  }
  guard.resolve(host).then(
    ([first]) => {
      if (ended || first === undefined) return
      const to = { address: first.address, port }
      current = openTunnel(proxy, to, connectTimeoutMs, (error, socket) => {
        if (error !== undefined || socket === undefined) finish(error ?? null, null)
        else if (options.protocol !== 'https:') finish(null, socket.setNoDelay(true))
        else current = connect({ ...options, httpSocket: socket } as buildConnector.Options, finish)
      })
    },
    (error: Error) => finish(error, null),
  )
  return {
    destroy() {
      ended = true
      current?.destroy()
    },
  }
}
