/** An answer that says no. `status` is 0 when there was no answer at all. */
export class ApiError extends Error {
  readonly status: number
  readonly faults: readonly { readonly pointer: string; readonly detail: string }[]

  constructor(status: number, detail: string, faults: ApiError['faults'] = []) {
    super(detail)
    this.status = status
    this.faults = faults
  }
}

/** Somebody has to sign in (again). */
export const signedOut = 'millrace:signed-out'

interface Problem {
  readonly detail?: string
  readonly errors?: ApiError['faults']
}

/**
 * A call with the session's cookie.
 * @throws {ApiError}
 */
export async function call(path: string, options: RequestInit = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, { ...options, cache: 'no-store', credentials: 'same-origin' })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new ApiError(0, 'The query service does not answer.')
  }
  if (response.ok) return response
  const problem = (await response.json().catch(() => ({}))) as Problem
  if (response.status === 401 && path !== '/session') dispatchEvent(new Event(signedOut))
  throw new ApiError(
    response.status,
    problem.detail ?? `The query service answered ${response.status}.`,
    problem.errors,
  )
}

/** @throws {ApiError} */
export async function read<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  const response = await call(path, signal === undefined ? {} : { signal })
  return (await response.json()) as Answer
}

/** Through the console's proxy to ingest. @throws {ApiError} */
export async function command<Answer>(path: '/v1/postbacks' | '/v1/replays', body: string): Promise<Answer> {
  const response = await call(`/console${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  return (await response.json()) as Answer
}
