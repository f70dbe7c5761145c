import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Principal } from '@millrace/catalog/authenticate-key'
import { within } from '@millrace/service-kit/deadline'
import { discardRest } from '@millrace/service-kit/discard-rest'
import { ServiceError } from '@millrace/service-kit/errors'
import { problemHeaders, requestIdOf, toProblem, toServiceError } from '@millrace/service-kit/problem-http'
import { formatRateLimit, type RateLimitAnswer } from '@millrace/service-kit/rate-limit-http'
import { admitEvents, chargeEvents } from './admit-events.ts'
import { BodyPieces } from './body-pieces.ts'
import type { IngestHttpConfig, IngestHttpDeps } from './http.ts'
import { trustedBytes } from './limit-request-bytes.ts'
import { isBinaryMode } from './read-binary-event.ts'
import { type JsonLayout, readJsonEvents } from './read-json-events.ts'
import { createReception, endSpan, traceparentOf } from './reception.ts'
import { unconfirmed } from './unconfirmed.ts'

/** Serves a request, or leaves it as it is and returns false. */
export type ServePlainEvents = (request: IncomingMessage, response: ServerResponse) => boolean

interface PlainForm {
  readonly layout: JsonLayout
  readonly fillIn: boolean
}

/** A request of which nothing is unusual. */
interface PlainRequest {
  readonly form: PlainForm
  readonly bytes: number
}

const path = '/v1/events'
const route = `POST ${path}`
const forms: ReadonlyMap<string | undefined, PlainForm> = new Map([
  ['application/cloudevents+json', { layout: 'one', fillIn: false }],
  ['application/cloudevents-batch+json', { layout: 'batch', fillIn: false }],
  ['application/json', { layout: 'either', fillIn: true }],
])

/**
 * POST /v1/events as nearly all of it comes, without the framework, whose part of such a request costs as much as all
 * the rest. Only what would get through up to its body is served here: with a key that is good and within its
 * limit, in a plain JSON form, not encoded, of a known length. Everything else is left to the route in
 * `http-events.ts`, which says no; from the body on both go the same way. `plain-events.test.ts` compares them.
 */
export function createPlainEvents(
  deps: IngestHttpDeps,
  config: IngestHttpConfig,
  isClosing: () => boolean,
): ServePlainEvents {
  return (request, response) => {
    if (request.url !== path || request.method !== 'POST' || isClosing()) return false
    const plain = readPlainRequest(request, config.maxBodyBytes)
    if (plain === undefined) return false
    let principal: Principal
    try {
      principal = deps.authenticator.authenticate(request.headers.authorization, 'events:write')
    } catch {
      return false
    }
    const limit = deps.limits.take(principal, 1)
    if (limit?.admitted === false) return false
    const exchange: Exchange = {
      request,
      response,
      startedMs: performance.now(),
      requestId: requestIdOf(request),
      principal,
      limit,
    }
    collect(deps, exchange, plain.bytes, (body) => accept(deps, config, exchange, plain.form, body))
    return true
  }
}

function readPlainRequest({ headers }: IncomingMessage, maxBodyBytes: number): PlainRequest | undefined {
  const form = forms.get(headers['content-type'])
  const bytes = Number(headers['content-length'])
  if (form === undefined || !(bytes > 0 && bytes <= maxBodyBytes) || headers.host === undefined)
    return undefined
  if (headers['content-encoding'] !== undefined || headers['transfer-encoding'] !== undefined)
    return undefined
  if (headers.prefer !== undefined || (form.fillIn && isBinaryMode(headers))) return undefined
  return { form, bytes }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly startedMs: number
  readonly requestId: string
  readonly principal: Principal
  limit: RateLimitAnswer | undefined
}

/** Reads the body within the budget; whoever is gone before all of it has come is not answered. */
function collect(
  deps: IngestHttpDeps,
  exchange: Exchange,
  bytes: number,
  done: (body: Buffer) => void,
): void {
  const { request, response } = exchange
  try {
    const share = deps.requestBudget.open()
    response.on('close', () => share.close())
    // As `limitRequestBytes` does it.
    if (bytes <= trustedBytes) share.take(bytes)
    let held = 0
    let pieces: BodyPieces | undefined
    const take = (piece: Buffer): void => {
      held += piece.length
      try {
        if (bytes > trustedBytes) share.take(piece.length)
        if (piece.length === bytes) {
          done(piece)
          return
        }
        pieces ??= new BodyPieces()
        pieces.add(piece)
        if (held === bytes) done(pieces.take())
      } catch (error) {
        request.off('data', take)
        refuse(deps, exchange, error)
        if (held < bytes) leaveRest(exchange)
      }
    }
    request.on('data', take)
  } catch (error) {
    refuse(deps, exchange, error)
    leaveRest(exchange)
  }
}

/** Of a body that was refused before all of it had come. */
function leaveRest({ request, response }: Exchange): void {
  request.pause()
  response.on('finish', () => discardRest(request))
}

function accept(
  deps: IngestHttpDeps,
  config: IngestHttpConfig,
  exchange: Exchange,
  { layout, fillIn }: PlainForm,
  body: Buffer,
): void {
  const { principal, request } = exchange
  const reception = createReception(deps, {
    principal,
    traceparent: traceparentOf(request.headers),
    fillIn,
  })
  // A key with constraints needs each event's type and subject.
  const plain = principal.constraints === undefined && deps.acceptPlainEvents.read(body, layout, reception)
  const events = plain ? [] : readJsonEvents(body, layout, reception, config.maxEvents)
  if (request.socket.destroyed) throw new ServiceError('request-timeout', 'The sender has gone.')
  exchange.limit =
    (plain
      ? chargeEvents(deps.limits, principal, plain.ids.length)
      : admitEvents(deps.limits, principal, events)) ?? exchange.limit
  const confirmed = (ids: readonly string[], encoding: 'latin1' | 'utf8'): void => {
    deps.metrics.accepted(ids.length)
    endSpan(deps, reception, { name: route, accepted: ids.length })
    answer(deps, exchange, 202, jsonFields, JSON.stringify({ accepted: ids.length, ids }), encoding)
  }
  const failed = (error: unknown): void => {
    endSpan(deps, reception, { name: route, accepted: 0, error: 'Kafka did not confirm' })
    refuse(deps, exchange, error)
  }
  if (plain) {
    // Nothing here may hold the records: their slabs would stay for as long as Kafka takes.
    const { ids } = plain
    deps.acceptPlainEvents.append(plain, { confirmed: () => confirmed(ids, 'latin1'), failed })
    return
  }
  within(deps.acceptEvents(events), config.requestTimeoutMs, unconfirmed).then(
    ({ ids }) => confirmed(ids, 'utf8'),
    failed,
  )
}

const jsonFields = ['content-type', 'application/json; charset=utf-8']

function refuse(deps: IngestHttpDeps, exchange: Exchange, error: unknown): void {
  const told = toServiceError(error)
  if (error instanceof ServiceError) deps.metrics.refused(told.code)
  else deps.logger.error({ err: error, requestId: exchange.requestId }, 'request failed')
  const problem = toProblem(told)
  answer(deps, exchange, problem.status, problemHeaders(told).flat(), JSON.stringify(problem))
}

/**
 * Names and values in turn, as Node writes them without looking at each by its name first.
 * @param encoding latin1 for what is nothing but ASCII, which Node writes at less cost
 */
function answer(
  deps: IngestHttpDeps,
  { response, startedMs, requestId, limit }: Exchange,
  status: number,
  fields: readonly string[],
  text: string,
  encoding: 'latin1' | 'utf8' = 'utf8',
): void {
  deps.metrics.request(route, status)
  const head = ['x-request-id', requestId]
  if (limit !== undefined) for (const [name, value] of formatRateLimit(limit)) head.push(name, value)
  const length = encoding === 'latin1' ? text.length : Buffer.byteLength(text)
  head.push(...fields, 'content-length', String(length))
  response.writeHead(status, head)
  response.end(text, encoding)
  deps.metrics.durations.observe(route, status, (performance.now() - startedMs) / 1_000)
}
