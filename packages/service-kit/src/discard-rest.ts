import type { IncomingMessage } from 'node:http'

/**
 * Of a body that nobody wants, so that a sender who is nearly done gets to read the answer. More than the buffers of
 * a connection hold: who could write all of it takes the connection for a free one, and must not find it cut.
 */
const maxBytes = 16 * 1024 * 1024
const lingerMs = 5_000

/**
 * After an answer that did not wait for the whole request: reads on a little, then stops reading, then cuts the
 * connection. Cut at once, most clients would see a broken connection instead of the answer.
 */
export function discardRest(request: IncomingMessage): void {
  let bytes = 0
  const count = (piece: Buffer): void => {
    bytes += piece.length
    if (bytes > maxBytes) request.pause()
  }
  const cut = setTimeout(() => request.socket.destroy(), lingerMs).unref()
  const done = (): void => clearTimeout(cut)
  request.once('end', done)
  request.once('close', done)
  request.on('error', done)
  request.on('data', count)
  // What counts the body is behind it and may have nobody who reads it: it would hold the request up.
  request.unpipe()
  request.resume()
}
