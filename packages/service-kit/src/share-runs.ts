/**
 * Runs one at a time. A caller gets a run that began after its call; those who call while one is under way share the
 * next.
 */
export function shareRuns<Result>(run: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<unknown> | undefined
  let next: Promise<Result> | undefined
  const start = (): Promise<Result> => {
    const started = run()
    running = started.then(ignore, ignore)
    void running.then(() => {
      if (next === undefined) running = undefined
    })
    return started
  }
  return () => {
    if (next !== undefined) return next
    if (running === undefined) return start()
    next = running.then(() => {
      next = undefined
      return start()
    })
    return next
  }
}

function ignore(): void {}

/** Rejects with the signal's reason when it aborts first; the work itself goes on. */
export function untilAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
