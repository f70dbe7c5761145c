import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, read } from './api.ts'

export interface Reading<Answer> {
  readonly data: Answer | undefined
  readonly error: ApiError | undefined
  readonly loading: boolean
  /** What is shown is from before the last try, which failed. */
  readonly stale: boolean
  reload(): void
}

interface State<Answer> {
  readonly path: string | undefined
  readonly data?: Answer
  readonly error?: ApiError
}

/**
 * Reads an address, and again regularly while the page is looked at.
 * @param path undefined reads nothing
 * @param everyMs 0 reads once
 */
export function useRead<Answer>(path: string | undefined, everyMs = 0): Reading<Answer> {
  const [state, setState] = useState<State<Answer>>({ path: undefined })
  const reloads = useRef<() => void>(() => {})
  useEffect(() => {
    if (path === undefined) return
    const stopping = new AbortController()
    let busy = false
    const run = async () => {
      if (busy) return
      busy = true
      try {
        const data = await read<Answer>(path, stopping.signal)
        if (!stopping.signal.aborted) setState({ path, data })
      } catch (error) {
        if (stopping.signal.aborted) return
        const fault = error instanceof ApiError ? error : new ApiError(0, String(error))
        // What was read before stays: it is old, not wrong.
        setState((before) => ({ ...(before.path === path ? before : { path }), error: fault }))
      } finally {
        busy = false
      }
    }
    reloads.current = () => void run()
    const stopPolling = poll(run, everyMs)
    return () => {
      stopping.abort()
      stopPolling()
    }
  }, [path, everyMs])
  const reload = useCallback(() => reloads.current(), [])
  const current = state.path === path ? state : undefined
  return {
    data: current?.data,
    error: current?.error,
    loading: path !== undefined && current?.data === undefined && current?.error === undefined,
    stale: current?.data !== undefined && current.error !== undefined,
    reload,
  }
}

/** At once, then regularly and on coming back, while the page is looked at. */
function poll(run: () => void, everyMs: number): () => void {
  run()
  if (everyMs === 0) return () => {}
  const whenSeen = () => {
    if (document.visibilityState === 'visible') run()
  }
  const timer = setInterval(whenSeen, everyMs)
  document.addEventListener('visibilitychange', whenSeen)
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', whenSeen)
  }
}
