import { hkdfSync } from 'node:crypto'
import { createSecretBox } from '@millrace/catalog/seal-secret'

/** A person who signed in to the console. */
export interface Session {
  /** As a header says it: `Bearer <key>`. */
  readonly authorization: string
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number
}

/**
 * Sessions as the text of a cookie. Nothing is kept of them here: every instance opens what another one has sealed, and
 * a restart signs nobody out. The key in it is asked for again with each request, so a revoked one ends its sessions.
 */
export interface Sessions {
  readonly lifetimeMs: number
  seal(key: string): { readonly text: string; readonly expiresAtMs: number }
  /** Undefined for what was not sealed here, was changed, or has expired. */
  open(text: string): Session | undefined
}

export interface SessionsConfig {
  readonly rootKey: string
  readonly sessionMinutes: number
}

const context = 'console session'
/** Opened sessions that are kept: live views ask several times a second. */
const maxOpened = 1_000
const maxTextLength = 2_048

export function createSessions(config: SessionsConfig, nowMs: () => number = Date.now): Sessions {
  const derived = hkdfSync('sha256', config.rootKey, '', 'millrace console session 1', 32)
  const box = createSecretBox([Buffer.from(derived)])
  const opened = new Map<string, Session>()
  const lifetimeMs = config.sessionMinutes * 60_000
  const unseal = (text: string): Session | undefined => {
    if (text.length > maxTextLength) return undefined
    try {
      const { key, expiresAtMs } = JSON.parse(box.open(text, context)) as { key: string; expiresAtMs: number }
      return { authorization: `Bearer ${key}`, expiresAtMs }
    } catch {
      // Whatever is wrong with it, it is no session.
      return undefined
    }
  }
  return {
    lifetimeMs,
    seal(key) {
      const expiresAtMs = nowMs() + lifetimeMs
      return { text: box.seal(JSON.stringify({ key, expiresAtMs }), context), expiresAtMs }
    },
    open(text) {
      const session = opened.get(text) ?? unseal(text)
      if (session === undefined) return undefined
      if (nowMs() >= session.expiresAtMs) {
        opened.delete(text)
        return undefined
      }
      if (!opened.has(text)) {
        if (opened.size >= maxOpened) opened.clear()
        opened.set(text, session)
      }
      return session
    },
  }
}
