import type { Socket } from 'node:net'
import { type buildConnector, Client } from 'undici'
import type { Channel } from './connection.ts'

const maxHeaderBytes = 16 * 1024
const maxStreams = 64
/** A connection that nobody uses is closed after it. */
const idleMs = 10_000

/**
 * One connection that speaks HTTP/2: undici's.
 * @param reconnect where it has ended before requests that wait for a stream were sent
 * @param onEnd it has ended
 */
export function createHttp2Channel(
  origin: string,
  socket: Socket,
  reconnect: buildConnector.connector,
  onEnd: () => void,
): Channel {
  let opened: Socket | undefined = socket
  const connect: buildConnector.connector = (options, callback) => {
    const first = opened
    opened = undefined
    if (first === undefined) reconnect(options, callback)
    else callback(null, first)
  }
  const client = new Client(origin, {
    connect,
    pipelining: 1,
    // The exchange has one deadline of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: idleMs,
    maxHeaderSize: maxHeaderBytes,
    h2Options: {
      maxConcurrentStreams: maxStreams,
      // A stream may fill no more of the memory than what is read of a response needs.
      settings: { initialWindowSize: 65_535 },
      connectionWindowSize: 262_144,
      pingInterval: 0,
    },
  } as Client.Options)
  client.on('disconnect', onEnd)
  return {
    // undici ends it.
    idleMs: Number.POSITIVE_INFINITY,
    // The receiver may allow fewer streams: then they wait in the client.
    hasRoom: (active) => active < maxStreams && client.stats.pending === 0,
    send({ path, method, headers, body }, exchange) {
      client.dispatch({ path, method: method as 'POST', headers, body }, exchange)
    },
    destroy() {
      client.destroy().catch(() => undefined)
    },
  }
}
