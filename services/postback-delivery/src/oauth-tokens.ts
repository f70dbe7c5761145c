import type { Deadline, Deadlines } from './deadline.ts'
import type { SendFailure } from './describe-failure.ts'
import type { ReadLimits, SendResult } from './exchange.ts'
import { type FetchedToken, readTokenResponse, tokenRequest } from './oauth-exchange.ts'
import type { ReceiverTls, TokenClient } from './receiver.ts'
import type { RenderedRequest } from './render-request.ts'

export type Token =
  | {
      readonly kind: 'token'
      readonly authorization: string
      /** Fetched for who asked, not kept from before. */
      readonly fresh: boolean
    }
  | { readonly kind: 'failed'; readonly failure: SendFailure }

/** Access tokens of receivers, each fetched when it is first needed and kept until it expires or is dropped. */
export interface TokenStore {
  get(client: TokenClient, deadline: Deadline, tls: ReceiverTls | undefined): Promise<Token>
  /** The receiver did not take it. */
  drop(client: TokenClient, token: Token): void
}

export interface TokenStoreDeps {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly deadlines: Deadlines
  /** Sends a request as deliveries are sent: through the same guard, with the same limits. */
  readonly post: (
    request: Pick<RenderedRequest, 'origin' | 'target' | 'method' | 'headers' | 'body'>,
    limits: ReadLimits,
    deadline: Deadline,
    tls: ReceiverTls | undefined,
  ) => Promise<SendResult>
}

interface Kept {
  readonly authorization: string
  readonly untilMs: number
}

const maxKept = 10_000
/** A token's response is some kilobytes. */
const limits: ReadLimits = { maxResponseBytes: 65_536, captureBytes: 65_536 }
/** For all that wait for the fetch: each of them has a deadline of its own. */
const fetchTimeoutMs = 30_000

export function createTokenStore(deps: TokenStoreDeps): TokenStore {
  const kept = new Map<string, Kept>()
  const fetching = new Map<string, Promise<FetchedToken>>()

  const fetch = async (client: TokenClient, tls: ReceiverTls | undefined): Promise<FetchedToken> => {
    const deadline = deps.deadlines.start(fetchTimeoutMs)
    try {
      const result = await deps.post(tokenRequest(client), limits, deadline, tls && withPublic(tls))
      const fetched = readTokenResponse(result)
      if (fetched.kind === 'token') {
        if (kept.size >= maxKept) kept.delete(kept.keys().next().value ?? '')
        kept.set(client.key, { ...fetched, untilMs: deps.now() + fetched.lifetimeMs })
      }
      return fetched
    } finally {
      deadline.clear()
      fetching.delete(client.key)
    }
  }

  return {
    async get(client, deadline, tls) {
      const found = kept.get(client.key)
      if (found !== undefined && found.untilMs > deps.now()) {
        return { kind: 'token', authorization: found.authorization, fresh: false }
      }
      // One fetch at a time, whoever waits for it.
      let running = fetching.get(client.key)
      if (running === undefined) {
        running = fetch(client, tls)
        fetching.set(client.key, running)
      }
      const fetched = await before(deadline, running)
      if (fetched.kind === 'failed') return fetched
      return { kind: 'token', authorization: fetched.authorization, fresh: true }
    },
    drop({ key }, token) {
      // Meanwhile another attempt may have fetched a better one.
      if (token.kind === 'token' && kept.get(key)?.authorization === token.authorization) kept.delete(key)
    },
  }
}

/** The token endpoint may be a public one, whatever authority the receiver is verified by. */
function withPublic(tls: ReceiverTls): ReceiverTls {
  return { ...tls, key: `${tls.key} and public`, trustsPublic: true }
}

function before(deadline: Deadline, fetching: Promise<FetchedToken>): Promise<FetchedToken> {
  return new Promise((resolve) => {
    const late = (detail: string): void =>
      resolve({ kind: 'failed', failure: { code: 'auth', detail: `no token: ${detail}` } })
    if (deadline.passed) {
      late('the time was over')
      return
    }
    deadline.onPassed = late
    void fetching.then(resolve)
  })
}
