import { ApiError, call } from '../api.ts'
import type { LiveMessage } from '../types.ts'

// EventSource would not tell why a stream was refused: it is read by hand.

const silenceMs = 20_000
const longestWaitMs = 5_000

export type FeedState = 'connecting' | 'live' | 'lost'

export interface FeedListener {
  message(message: LiveMessage): void
  state(state: FeedState, error?: unknown): void
}

/** Follows a meter until the returned function is called, through cuts of any length: it goes on behind the last message. */
export function followLive(meter: string, listener: FeedListener): () => void {
  const stopping = new AbortController()
  const run = async () => {
    let lastId = ''
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        await readStream(meter, lastId, stopping.signal, (id, message) => {
          failures = 0
          lastId = id
          listener.message(message)
          listener.state('live')
        })
        listener.state('connecting')
      } catch (error) {
        if (stopping.signal.aborted) return
        failures += 1
        listener.state(failures > 1 || error instanceof ApiError ? 'lost' : 'connecting', error)
        // What is refused will not come back by asking again.
        if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429)
          return
      }
      await pause(Math.min(longestWaitMs, 300 * 2 ** failures), stopping.signal)
    }
  }
  void run()
  return () => stopping.abort()
}

async function readStream(
  meter: string,
  lastId: string,
  stopped: AbortSignal,
  onMessage: (id: string, message: LiveMessage) => void,
): Promise<void> {
  const silent = new AbortController()
  const signal = AbortSignal.any([stopped, silent.signal])
  let watchdog = setTimeout(() => silent.abort(), silenceMs)
  try {
    const headers: HeadersInit = lastId === '' ? {} : { 'last-event-id': lastId }
    const response = await call(`/v1/reports/${encodeURIComponent(meter)}/live`, { signal, headers })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    for (;;) {
      const piece = await reader?.read()
      if (piece === undefined || piece.done) return
      clearTimeout(watchdog)
      watchdog = setTimeout(() => silent.abort(), silenceMs)
      const parts = `${text}${piece.value}`.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        const { id, name, data } = parseEvent(part)
        if (name === 'live') onMessage(id, JSON.parse(data) as LiveMessage)
      }
    }
  } finally {
    clearTimeout(watchdog)
  }
}

function parseEvent(part: string): { id: string; name: string; data: string } {
  const event = { id: '', name: 'message', data: '' }
  for (const line of part.split('\n')) {
    const colon = line.indexOf(':')
    const field = line.slice(0, colon)
    const value = line.slice(colon + 1).replace(/^ /, '')
    if (field === 'id') event.id = value
    else if (field === 'event') event.name = value
    else if (field === 'data') event.data += value
  }
  return event
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
