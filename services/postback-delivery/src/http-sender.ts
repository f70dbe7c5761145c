import { constants } from 'node:http2'
import type { Connection } from './connection.ts'
import { type ConnectionPools, createConnectionPools } from './connection-pools.ts'
import { createDeadlines, type Deadline } from './deadline.ts'
import { decodeBody } from './decode-body.ts'
import type { SendFailure } from './describe-failure.ts'
import { Exchange, type ReadLimits, type SendResult } from './exchange.ts'
import { createTokenStore } from './oauth-tokens.ts'
import type { ConnectionOpener } from './open-connection.ts'
import type { ReceiverAuth, ReceiverTls } from './receiver.ts'
import type { RenderedRequest } from './render-request.ts'
import { scrubBody, secretValues } from './scrub-body.ts'

export interface HttpSender {
  /**
   * Never rejects: what goes wrong is in the result. `timeoutMs` spans all of it: a token for the receiver where it
   * wants one, connecting, headers and body.
   */
  send(request: RenderedRequest, timeoutMs: number): Promise<SendResult>
  /** Connections to receivers. */
  connections(): { readonly open: number; readonly idle: number }
  /** Cuts everything off. */
  stop(): Promise<void>
}

export interface HttpSenderConfig extends ReadLimits {
  /** Open ones in all; above it those are closed that nobody has used for the longest time. */
  readonly maxConnections: number
  /** Lower-case names of request headers whose values are masked where a response repeats them. */
  readonly scrubbedHeaders: ReadonlySet<string>
}

type OneRequest = Pick<RenderedRequest, 'origin' | 'target' | 'method' | 'headers' | 'body'>

/** Redirects are not followed. */
export function createHttpSender(
  deps: { readonly opener: ConnectionOpener; readonly now?: () => number },
  config: HttpSenderConfig,
): HttpSender {
  const now = deps.now ?? Date.now
  const pools = createConnectionPools({ opener: deps.opener, now }, config)
  const deadlines = createDeadlines()
  const tokens = createTokenStore({
    now,
    deadlines,
    post: (request, limits, deadline, tls) => exchange(pools, request, limits, deadline, tls),
  })
  return {
    async send(request, timeoutMs) {
      const { receiver } = request
      const deadline = deadlines.start(timeoutMs)
      const result = await (receiver?.auth === undefined
        ? sendOne(request, deadline, receiver?.tls)
        : sendAuthenticated(request, receiver.auth, deadline, receiver.tls))
      deadline.clear()
      return result
    },
    connections: pools.counts,
    async stop() {
      pools.stop()
    },
  }

  async function sendOne(
    request: OneRequest,
    deadline: Deadline,
    tls: ReceiverTls | undefined,
  ): Promise<SendResult> {
    const result = await exchange(pools, request, config, deadline, tls)
    if (result.body.length === 0) return result
    const secrets = secretValues(request.headers, config.scrubbedHeaders)
    return secrets.length === 0 ? result : { ...result, body: scrubBody(result.body, secrets) }
  }

  async function sendAuthenticated(
    request: OneRequest,
    auth: ReceiverAuth,
    deadline: Deadline,
    tls: ReceiverTls | undefined,
  ): Promise<SendResult> {
    const withHeader = (authorization: string): OneRequest => ({
      ...request,
      headers: { ...request.headers, authorization },
    })
    if (auth.kind === 'header') return await sendOne(withHeader(auth.authorization), deadline, tls)
    const token = await tokens.get(auth.client, deadline, tls)
    if (token.kind === 'failed') return unsent(token.failure)
    const result = await sendOne(withHeader(token.authorization), deadline, tls)
    if (result.statusCode !== 401) return result
    tokens.drop(auth.client, token)
    // One that was fetched for this attempt will not get better; one that was kept may have been withdrawn. What was
    // cut off after its headers has used the time up, or may have.
    if (token.fresh || result.failure !== undefined) return result
    const renewed = await tokens.get(auth.client, deadline, tls)
    if (renewed.kind === 'failed') return unsent(renewed.failure)
    const again = await sendOne(withHeader(renewed.authorization), deadline, tls)
    if (again.statusCode === 401) tokens.drop(auth.client, renewed)
    return again
  }
}

/** One request, made again on a fresh connection when it is known that nobody has looked at it. */
function exchange(
  pools: ConnectionPools,
  request: OneRequest,
  limits: ReadLimits,
  deadline: Deadline,
  tls: ReceiverTls | undefined,
): Promise<SendResult> {
  return new Promise((resolve) => {
    const start = (again: boolean): void => {
      if (pools.stopped) {
        resolve(unsent({ code: 'reset', detail: 'the sender is being stopped' }))
        return
      }
      // Nothing would end it any more.
      if (deadline.passed) {
        resolve(unsent({ code: 'timeout', detail: 'the time was over before the request was made' }))
        return
      }
      let connection: Connection
      try {
        connection = pools.take(request.origin, tls, again)
      } catch (error) {
        resolve(unsent({ code: 'tls', detail: (error as Error).message }))
        return
      }
      const kept = connection.served
      const startedMs = performance.now()
      const running = new Exchange(limits, (result, ended) => {
        const refused = giveBack(pools, connection, result, ended)
        const closed = kept && wasClosedMeanwhile(result, startedMs)
        const repeatable = !again && !deadline.passed && !ended.answered && !pools.stopped
        if (repeatable && (refused || closed)) start(true)
        else resolve(decoded(result, ended, limits))
      })
      deadline.onPassed = (detail) => running.cut('timeout', detail)
      dispatch(connection, request, running)
    }
    start(false)
  })
}

/** @returns whether the receiver wants the request over HTTP/1.1, and has not looked at it */
function giveBack(
  pools: ConnectionPools,
  connection: Connection,
  { failure }: SendResult,
  ended: Exchange,
): boolean {
  const http2 = connection.protocol === 'h2'
  if (ended.answered) connection.served = true
  const refused = ended.http2ErrorCode === constants.NGHTTP2_HTTP_1_1_REQUIRED
  if (refused) pools.avoidHttp2(connection)
  pools.giveBack(connection, ended.whole || (http2 && failure?.code !== 'timeout'))
  return refused
}

/** A close that was under way when the request was written arrives within a round trip. */
const closedMeanwhileMs = 1_000

function wasClosedMeanwhile({ failure }: SendResult, startedMs: number): boolean {
  return failure?.code === 'reset' && performance.now() - startedMs < closedMeanwhileMs
}

function dispatch(connection: Connection, request: OneRequest, running: Exchange): void {
  const { target: path, method, headers, body } = request
  running.attempt(() => connection.dispatch({ path, method, headers, body }, running))
}

/** At once where there is nothing to be decoded: nearly always. */
function decoded(
  result: SendResult,
  { contentEncoding }: Exchange,
  limits: ReadLimits,
): SendResult | Promise<SendResult> {
  if (contentEncoding === undefined || result.body.length === 0) return result
  return decodeBody(result.body, contentEncoding, limits.captureBytes).then(({ body, truncated }) => ({
    ...result,
    body,
    bodyTruncated: result.bodyTruncated || truncated,
  }))
}

function unsent(failure: SendFailure): SendResult {
  return { statusCode: 0, retryAfter: undefined, body: Buffer.alloc(0), bodyTruncated: false, failure }
}
