import type { OnReadOpts, Socket } from 'node:net'

/**
 * Plain connections read into one buffer that all of them share, and what was read is parsed before anything else
 * happens: bodies that nobody keeps leave nothing behind for the garbage collector, however many receivers send them
 * at once. Give `onRead` to node:net, and the socket to `readAtOnce` before anybody listens to it.
 */
const shared = Buffer.allocUnsafeSlow(64 * 1024)

/** What a socket has read and nobody has taken: on itself, for a weak map would cost each collection something. */
const untaken = Symbol('untaken')
type ReadingSocket = Socket & { [untaken]?: Buffer | undefined }

export const onRead: OnReadOpts = {
  buffer: shared,
  // Called as the socket's method.
  callback(this: ReadingSocket, bytes: number) {
    const before = this[untaken]
    const chunk = shared.subarray(0, bytes)
    this[untaken] = before === undefined ? chunk : Buffer.concat([before, chunk])
    this.emit('readable')
    const left = this[untaken]
    // The next read, whosever it is, writes over the buffer.
    if (left !== undefined && left.buffer === shared.buffer) this[untaken] = Buffer.from(left)
    return true
  },
}

export function readAtOnce(socket: ReadingSocket): Socket {
  const read = socket.read.bind(socket)
  socket.read = (size?: number) => {
    // Asks the stream to go on; it ends in the same way.
    if (size === 0) return read(0)
    const chunk = socket[untaken]
    socket[untaken] = undefined
    return chunk ?? read(size)
  }
  return socket
}
