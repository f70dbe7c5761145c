import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { call } from './api.ts'
import type { SessionInfo } from './types.ts'

export interface Session extends SessionInfo {
  readonly can: (scope: string) => boolean
  readonly signOut: () => void
}

export const SessionContext = createContext<Session | undefined>(undefined)

/** Of whoever is signed in; views are shown to nobody else. */
export function useSession(): Session {
  const session = useContext(SessionContext)
  if (session === undefined) throw new Error('nobody is signed in')
  return session
}

/** Undefined when nobody is signed in. */
export async function readSession(): Promise<SessionInfo | undefined> {
  const response = await call('/session')
  return response.status === 204 ? undefined : ((await response.json()) as SessionInfo)
}

export async function signIn(key: string): Promise<SessionInfo> {
  const response = await call('/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  })
  return (await response.json()) as SessionInfo
}

export async function signOut(): Promise<void> {
  await call('/session', { method: 'DELETE' })
}

/** Takes a key out of the address (#key=...), so that it is neither bookmarked nor shared by accident. */
export function takeKeyFromAddress(): string | undefined {
  const key = new URLSearchParams(location.hash.slice(1)).get('key')
  if (key === null) return undefined
  history.replaceState(null, '', location.pathname + location.search)
  return key
}
