import type { FastifyRequest } from 'fastify'
import { isSameOrigin } from './same-origin.ts'
import type { Session, Sessions } from './session.ts'

/** With the prefix a browser takes it over TLS only, for this host alone. */
const names = { secure: '__Host-millrace-session', plain: 'millrace-session' } as const

/** Behind a proxy that ends TLS the proxy says so; who lies here only hurts their own cookie. */
function isSecure(request: FastifyRequest): boolean {
  return request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https'
}

function nameFor(request: FastifyRequest): string {
  return isSecure(request) ? names.secure : names.plain
}

/**
 * What a page of this host has signed in as. A request from elsewhere has no session, whatever a browser sends along.
 */
export function sessionOf(request: FastifyRequest, sessions: Sessions): Session | undefined {
  const text = readCookie(request.headers.cookie, nameFor(request))
  return text === undefined || !isSameOrigin(request) ? undefined : sessions.open(text)
}

export function setCookie(request: FastifyRequest, text: string, maxAgeMs: number): string {
  const parts = [`${nameFor(request)}=${text}`, 'Path=/', 'HttpOnly', 'SameSite=Strict']
  if (isSecure(request)) parts.push('Secure')
  return [...parts, `Max-Age=${Math.floor(maxAgeMs / 1_000)}`].join('; ')
}

function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  for (const part of header.split(';')) {
    const at = part.indexOf('=')
    if (at !== -1 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim()
  }
  return undefined
}
