// The HTTP API with the key of this tab.

const storageKey = 'millrace.key'

export function readKey() {
  return sessionStorage.getItem(storageKey)
}

export function keepKey(key) {
  sessionStorage.setItem(storageKey, key)
}

export function forgetKey() {
  sessionStorage.removeItem(storageKey)
}

/** Takes a key out of the address (#key=...), so that it is neither bookmarked nor shared by accident. */
export function takeKeyFromAddress() {
  const key = new URLSearchParams(location.hash.slice(1)).get('key')
  if (key === null) return
  history.replaceState(null, '', location.pathname + location.search)
  keepKey(key)
}

/** An answer that says no. `status` is 0 when there was no answer at all. */
export class ApiError extends Error {
  constructor(status, detail) {
    super(detail)
    this.status = status
  }
}

/** @throws {ApiError} */
export async function open(path, { key = readKey(), ...options } = {}) {
  let response
  try {
    response = await fetch(path, {
      ...options,
      headers: { authorization: `Bearer ${key}` },
      cache: 'no-store',
    })
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new ApiError(0, 'The query service does not answer.')
  }
  if (response.ok) return response
  const problem = await response.json().catch(() => ({}))
  throw new ApiError(response.status, problem.detail ?? `The query service answered ${response.status}.`)
}

/** @throws {ApiError} */
export async function read(path, options) {
  const response = await open(path, options)
  return response.json()
}
