import type { ServerResponse } from 'node:http'

export interface SseWriter {
  /** False while more waits in the socket than a reader that keeps up ever has. */
  isReady(): boolean
  /** @param event with its empty line at the end; many readers share the bytes */
  send(event: Buffer): void
  end(): void
}

const maxWaitingBytes = 64 * 1024
const keepAliveMs = 15_000

/** @param onClose called once, whoever closed */
export function startSse(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  onClose: () => void,
): SseWriter {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // nginx would hold events back.
    'x-accel-buffering': 'no',
    ...headers,
  })
  // Without Nagle's wait, and so that a reader knows at once that it is connected.
  response.socket?.setNoDelay(true)
  response.write('retry: 1000\n\n')
  const keepAlive = setInterval(() => {
    if (response.writableLength < maxWaitingBytes) response.write(': keep-alive\n\n')
  }, keepAliveMs)
  response.once('close', () => {
    clearInterval(keepAlive)
    onClose()
  })
  return {
    isReady: () => !response.destroyed && response.writableLength < maxWaitingBytes,
    send: (event) => {
      response.write(event)
    },
    end: () => {
      response.end()
    },
  }
}
