import { type buildConnector, Client, type Dispatcher } from 'undici'
import type { OpenConnection } from './open-connection.ts'

/** One connection to a receiver, which undici makes when a request comes. */
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
  /** Whether another request can be given to it now. */
  hasRoom(): boolean
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void
  /** Cuts it, also while it is being made. */
  destroy(): void
}

/** Connections that nobody uses are closed after it, or earlier where the receiver says so (`keep-alive: timeout`). */
const idleMs = 10_000
/** However long a receiver would keep one. */
const longestIdleMs = 60_000
/** Before the time that a receiver names. */
const earlierMs = 1_000
const maxHeaderBytes = 16 * 1024
const maxStreams = 64

/** @param onIdleEnd it has ended while nobody used it */
export function createConnection(
  poolKey: string,
  origin: string,
  open: OpenConnection,
  onIdleEnd: (connection: Connection) => void,
): Connection {
  let opening: { destroy(): void } | undefined
  const connect: buildConnector.connector = (options, callback) => {
    opening = open(options, (error, socket) => {
      opening = undefined
      if (error !== null || socket === null) {
        callback(error ?? new Error('no connection'), null)
        return
      }
      connection.protocol = (socket as { alpnProtocol?: unknown }).alpnProtocol === 'h2' ? 'h2' : 'h1'
      callback(null, socket)
    })
  }
  const client = new Client(origin, {
    connect,
    pipelining: 1,
    // The exchange has one deadline of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: longestIdleMs,
    keepAliveTimeoutThreshold: earlierMs,
    maxHeaderSize: maxHeaderBytes,
    h2Options: {
      maxConcurrentStreams: maxStreams,
      // A stream may fill no more of the memory than what is read of a response needs.
      settings: { initialWindowSize: 65_535 },
      connectionWindowSize: 262_144,
      pingInterval: 0,
    },
  } as Client.Options)
  const connection: Connection = {
    poolKey,
    active: 0,
    protocol: undefined,
    served: false,
    retired: false,
    hasRoom() {
      if (connection.retired) return false
      if (connection.active === 0) return true
      // The receiver may allow fewer streams: then they wait in the client.
      return connection.protocol === 'h2' && connection.active < maxStreams && client.stats.pending === 0
    },
    dispatch(options, handler) {
      client.dispatch(options, handler)
    },
    destroy() {
      opening?.destroy()
      client.destroy().catch(() => undefined)
    },
  }
  client.on('disconnect', () => {
    connection.protocol = undefined
    connection.served = false
    if (connection.active === 0) onIdleEnd(connection)
  })
  return connection
}
