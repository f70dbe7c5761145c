import { once } from 'node:events'
import { connect } from 'node:net'

const PROBE_TIMEOUT_MS = 2_000
const METADATA_API_KEY = 3
const METADATA_VERSION = 1
const CORRELATION_ID = 1

/**
 * The ids of the brokers that the broker at `port` of 127.0.0.1 knows to be in service; null when it gives no
 * answer. One hand-made Metadata request, so that the local stack needs no Kafka client.
 */
export async function fetchBrokerIds(port: number): Promise<number[] | null> {
  const socket = connect({ port, host: '127.0.0.1' })
  const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
  try {
    await once(socket, 'connect', { signal })
    socket.write(metadataRequest())
    let received = Buffer.alloc(0)
    for (;;) {
      const [chunk] = (await Promise.race([
        once(socket, 'data', { signal }),
        once(socket, 'close', { signal }).then(() => [null]),
      ])) as [Buffer | null]
      if (chunk === null) return null
      received = Buffer.concat([received, chunk])
      if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0))
        return parseBrokerIds(received)
    }
  } catch {
    // Refused, reset or too slow: all of them say "not now".
    return null
  } finally {
    socket.destroy()
  }
}

export function metadataRequest(): Buffer {
  const client = Buffer.from('millrace-local-stack')
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + client.length + 4)
  let at = request.writeInt32BE(request.length - 4)
  at = request.writeInt16BE(METADATA_API_KEY, at)
  at = request.writeInt16BE(METADATA_VERSION, at)
  at = request.writeInt32BE(CORRELATION_ID, at)
  at = request.writeInt16BE(client.length, at)
  at += client.copy(request, at)
  request.writeInt32BE(0, at) // no topics
  return request
}

/** `response` with its length prefix. */
export function parseBrokerIds(response: Buffer): number[] {
  const ids: number[] = []
  let at = 8 // past the length and the correlation id
  const count = response.readInt32BE(at)
  at += 4
  for (let i = 0; i < count; i++) {
    ids.push(response.readInt32BE(at))
    at += 4
    at += 2 + response.readInt16BE(at) // host
    at += 4 // port
    at += 2 + Math.max(0, response.readInt16BE(at)) // rack, which may be null (-1)
  }
  return ids
}
