import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { Http1Error } from './describe-failure.ts'
import type { Exchange } from './exchange.ts'
import { Http1Channel, type WriteTurn } from './http1-channel.ts'
import type { OriginRequest } from './http1-request.ts'
import { createHttp2Channel } from './http2-channel.ts'
import type { OpenConnection } from './open-connection.ts'

/** One connection to a receiver, which is made when a request comes. */
export interface Connection {
  readonly poolKey: string
  /** Requests that were given to it and are not over. */
  active: number
  /** Undefined while there is no connection. */
  protocol: 'h1' | 'h2' | undefined
  /** Whether it has brought a response already: the next request on it meets a kept connection. */
  served: boolean
  /** It gets no more requests, and is cut when those that it has are over. */
  retired: boolean
  /** How long it may stay open while nobody uses it; infinite where it ends by itself. */
  idleMs(): number
  /** Whether another request can be given to it now. */
  hasRoom(): boolean
  dispatch(request: OriginRequest, exchange: Exchange): void
  /** Cuts it, also while it is being made. */
  destroy(): void
}

/** What speaks on a connection that is open. */
export interface Channel {
  readonly idleMs: number
  /** Whether there is room for more beside `active` requests. */
  hasRoom(active: number): boolean
  /** @throws {Error} when the request cannot be sent */
  send(request: OriginRequest, exchange: Exchange): void
  destroy(): void
}

export interface ConnectionDeps {
  readonly open: OpenConnection
  readonly writeTurn: WriteTurn
  /** It has ended while nobody used it. */
  readonly onIdleEnd: (connection: Connection) => void
}

export function createConnection(poolKey: string, origin: string, deps: ConnectionDeps): Connection {
  const url = new URL(origin)
  let opening: { destroy(): void } | undefined
  /** Who waits for it to be open. */
  let waiting: Exchange | undefined
  let channel: Channel | undefined
  let destroyed = false
  const onEnd = (): void => {
    connection.protocol = undefined
    connection.served = false
    if (connection.active === 0) deps.onIdleEnd(connection)
  }
  const connect: buildConnector.connector = (options, callback) => {
    opening = deps.open(options, (error, socket) => {
      opening = undefined
      if (error !== null || socket === null) {
        callback(error ?? new Error('no connection'), null)
        return
      }
      connection.protocol = (socket as { alpnProtocol?: unknown }).alpnProtocol === 'h2' ? 'h2' : 'h1'
      callback(null, socket)
    })
  }
  const speak = (socket: Socket): Channel =>
    connection.protocol === 'h2'
      ? createHttp2Channel(origin, socket, connect, onEnd)
      : new Http1Channel(socket, { host: url.host, writeTurn: deps.writeTurn, onEnd })
  const connection: Connection = {
    poolKey,
    active: 0,
    protocol: undefined,
    served: false,
    retired: false,
    idleMs: () => channel?.idleMs ?? 0,
    hasRoom() {
      if (connection.retired) return false
      if (connection.active === 0) return true
      return connection.protocol === 'h2' && channel?.hasRoom(connection.active) === true
    },
    dispatch(request, exchange) {
      if (channel !== undefined) {
        channel.send(request, exchange)
        return
      }
      waiting = exchange
      connect(connectOptions(url), (error, socket) => {
        waiting = undefined
        if (destroyed) socket?.destroy()
        else if (socket === null) exchange.fail(error)
        else {
          channel = speak(socket)
          exchange.attempt(() => channel?.send(request, exchange))
        }
      })
    },
    destroy() {
      destroyed = true
      opening?.destroy()
      channel?.destroy()
      waiting?.fail(new Http1Error('reset', 'the connection was cut'))
    },
  }
  return connection
}

function connectOptions({ host, hostname, protocol, port }: URL): buildConnector.Options {
  return { host, hostname: hostname.replace(/^\[(.*)\]$/, '$1'), protocol, port }
}
