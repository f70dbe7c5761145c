import type { SendFailure } from './describe-failure.ts'
import type { SendResult } from './exchange.ts'
import type { TokenClient } from './receiver.ts'
import type { RenderedRequest } from './render-request.ts'

export type FetchedToken =
  | {
      readonly kind: 'token'
      /** The header's value. */
      readonly authorization: string
      /** How long it can be used. */
      readonly lifetimeMs: number
    }
  | { readonly kind: 'failed'; readonly failure: SendFailure }

/** When the token endpoint does not say how long it is valid. */
const assumedLifetimeMs = 60 * 60 * 1_000
/** Renewed so much earlier, or a tenth of its time: it may be on its way when it expires. */
const earlierMs = 30_000

/** RFC 6749, section 4.4.2. */
export function tokenRequest(
  client: TokenClient,
): Pick<RenderedRequest, 'origin' | 'target' | 'method' | 'headers' | 'body'> {
  const { clientId, clientSecret, scope, audience, clientAuthentication } = client
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (scope !== undefined) form.set('scope', scope)
  if (audience !== undefined) form.set('audience', audience)
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'millrace',
  }
  if (clientAuthentication === 'body') {
    form.set('client_id', clientId)
    form.set('client_secret', clientSecret)
  } else {
    // Section 2.3.1: each of them encoded as in a form.
    const credentials = `${formEncode(clientId)}:${formEncode(clientSecret)}`
    headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
  }
  const { origin, pathname, search } = new URL(client.tokenUrl)
  return { origin, target: pathname + search, method: 'POST', headers, body: Buffer.from(form.toString()) }
}

/** What is in a token endpoint's answer is told as far as it is an error's code: nothing of a token gets out. */
export function readTokenResponse({ statusCode, body, failure }: SendResult): FetchedToken {
  if (failure !== undefined) return failed(`the token endpoint failed: ${failure.code}: ${failure.detail}`)
  const answer = parse(body)
  if (statusCode < 200 || statusCode >= 300)
    return failed(`the token endpoint answered ${statusCode}${errorOf(answer)}`)
  const { access_token: token, token_type: type = 'bearer', expires_in: seconds } = answer
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    return failed('the token endpoint answered without a token')
  }
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') {
    return failed('the token endpoint answered with a token that is no bearer token')
  }
  const lifetimeMs = Number(seconds) > 0 ? Number(seconds) * 1_000 : assumedLifetimeMs
  return {
    kind: 'token',
    authorization: `Bearer ${token}`,
    lifetimeMs: lifetimeMs - Math.min(earlierMs, lifetimeMs / 10),
  }
}

function failed(detail: string): FetchedToken {
  return { kind: 'failed', failure: { code: 'auth', detail } }
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function errorOf({ error }: Record<string, unknown>): string {
  return typeof error === 'string' && /^[\w.-]{1,64}$/.test(error) ? ` (${error})` : ''
}

function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
