import type { OnReadOpts, Socket } from 'node:net'

/**
 * Plain connections read into one buffer that all of them share, and what was read is parsed before anything else
 * happens: bodies that nobody keeps leave nothing behind for the garbage collector, however many receivers send them
 * at once. Give `onRead` to node:net, and mark the socket with `readsAtOnce` before anything can come.
 */
const shared = Buffer.allocUnsafeSlow(64 * 1024)

/** Who takes what a socket has read: on itself, for a weak map would cost each collection something. */
const taker = Symbol('taker')
type Take = (bytes: Buffer) => void
type ReadingSocket = Socket & { [taker]?: Take }

export const onRead: OnReadOpts = {
  buffer: shared,
  // Called as the socket's method.
  callback(this: ReadingSocket, bytes: number) {
    this[taker]?.(shared.subarray(0, bytes))
    return true
  },
}

export function readsAtOnce(socket: ReadingSocket): Socket {
  socket[taker] = () => undefined
  return socket
}

/** @param take gets a view of what was read, which the next read, whosever it is, may write over */
export function takeReads(socket: ReadingSocket, take: Take): void {
  if (socket[taker] === undefined) socket.on('data', take)
  else socket[taker] = take
}
