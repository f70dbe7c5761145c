import { ApiError, open } from './api.js'

// EventSource cannot send a key: the stream is read by hand.

const silenceMs = 20_000
const longestWaitMs = 5_000

/**
 * Follows a meter until the returned function is called, through cuts of any length.
 * @param onState 'live', 'waiting', or 'lost' with what went wrong
 */
export function followLive(meter, { onMessage, onState }) {
  const stopping = new AbortController()
  let lastId = ''
  const run = async () => {
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        await readStream(meter, lastId, stopping.signal, (event) => {
          failures = 0
          lastId = event.id
          onState('live')
          onMessage(event.data)
        })
        onState('waiting')
      } catch (error) {
        if (stopping.signal.aborted) return
        failures += 1
        onState(failures > 1 || error instanceof ApiError ? 'lost' : 'waiting', error)
        // A key or a meter that is not there any more will not come back by asking again.
        if ([401, 403, 404, 400].includes(error.status)) return
      }
      await pause(Math.min(longestWaitMs, 300 * 2 ** failures), stopping.signal)
    }
  }
  run()
  return () => stopping.abort()
}

async function readStream(meter, lastId, stopped, onEvent) {
  const silent = new AbortController()
  const signal = AbortSignal.any([stopped, silent.signal])
  let watchdog = setTimeout(() => silent.abort(), silenceMs)
  try {
    const response = await open(`/v1/reports/${encodeURIComponent(meter)}/live`, { signal })
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      clearTimeout(watchdog)
      watchdog = setTimeout(() => silent.abort(), silenceMs)
      text += value
      const parts = text.split('\n\n')
      text = parts.pop()
      for (const part of parts) {
        const event = parseEvent(part)
        if (event.name === 'live') onEvent({ id: event.id || lastId, data: JSON.parse(event.data) })
      }
    }
  } finally {
    clearTimeout(watchdog)
  }
}

function parseEvent(part) {
  const event = { id: '', name: 'message', data: '' }
  for (const line of part.split('\n')) {
    const colon = line.indexOf(':')
    const value = line.slice(colon + 1).replace(/^ /, '')
    const field = line.slice(0, colon)
    if (field === 'id') event.id = value
    else if (field === 'event') event.name = value
    else if (field === 'data') event.data += value
  }
  return event
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
