import { createHash } from 'node:crypto'
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http'
import type { Authenticator, Principal } from '@millrace/catalog/authenticate-key'
import type { KeyLimits } from '@millrace/catalog/key-usage'
import { requestIdOf } from '@millrace/service-kit/problem-http'
import { formatRateLimit } from '@millrace/service-kit/rate-limit-http'
import { acceptsCoding } from './accepts-coding.ts'
import type { RenderedAnswer, ReportAnswers } from './answer-reports.ts'
import { createBoundedCache } from './bounded-cache.ts'
import type { CatalogView } from './catalog-follower.ts'
import { isKnown } from './match-tag.ts'
import type { QueryMetrics } from './metrics.ts'
import { nowUs } from './time.ts'

/** What an address means to a reader, as it was found out the first time. */
interface Recipe {
  /** Of the answer. */
  readonly key: string
  /** Names and values of those headers that are the same each time. */
  readonly fields: readonly string[]
  readonly meter: string
  readonly version: number
}

/**
 * Answers to addresses that were asked for before, ahead of the framework: the key is checked, its limit asked, the
 * answer found and written. Whatever is not as the last time goes the long way.
 */
export interface WarmReports {
  /** @param headers of the answer, as the framework is about to send it */
  learn(
    reader: Pick<Principal, 'tenant' | 'constraints'>,
    request: IncomingMessage,
    answer: RenderedAnswer,
    headers: OutgoingHttpHeaders,
  ): void
  /** @returns whether it has answered */
  answer(request: IncomingMessage, response: ServerResponse): boolean
  /** From now on it answers nothing. */
  stop(): void
}

export interface WarmReportsDeps {
  readonly reports: Pick<ReportAnswers, 'peek'>
  readonly authenticator: Pick<Authenticator, 'authenticate'>
  readonly limits: KeyLimits
  readonly catalog: Pick<CatalogView, 'meter'>
  readonly metrics: Pick<QueryMetrics, 'durations' | 'requests' | 'reportCache'>
}

const prefix = '/v1/reports/'
const countedRoute = 'GET /v1/reports/:meter'
const longestAddress = 4_096
const recipeBytes = 8 * 1024 ** 2

export function createWarmReports(deps: WarmReportsDeps): WarmReports {
  const recipes = createBoundedCache<Recipe>(recipeBytes)
  const interned = new Map<string, readonly string[]>()
  const hits = deps.metrics.reportCache.labels({ outcome: 'hit' })
  const counters = {
    200: deps.metrics.requests.labels({ route: countedRoute, status: '200' }),
    304: deps.metrics.requests.labels({ route: countedRoute, status: '304' }),
  }
  const count = (status: 200 | 304, startedMs: number): void => {
    deps.metrics.durations.observe(countedRoute, status, (performance.now() - startedMs) / 1_000)
    hits.inc()
    counters[status].inc()
  }
  let stopped = false
  const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
    const { method, url = '', headers } = request
    if (stopped || method !== 'GET' || !url.startsWith(prefix) || hasBody(headers)) return false
    const startedMs = performance.now()
    const principal = deps.authenticator.authenticate(headers.authorization, 'reports:read')
    const recipe = recipes.get(addressOf(principal, headers.accept, url))
    if (recipe === undefined) return false
    if (deps.catalog.meter(principal.tenant, recipe.meter)?.version !== recipe.version) return false
    const found = deps.reports.peek(recipe.key)
    if (found === undefined) return false
    const limit = deps.limits.take(principal, 1)
    // A refusal has taken nothing: it is told the long way.
    if (limit?.admitted === false) return false
    const { value, dataThroughUs } = found
    const fields = ['x-request-id', requestIdOf(request), 'etag', value.tag, ...recipe.fields]
    if (limit !== undefined) for (const [name, text] of formatRateLimit(limit)) fields.push(name, text)
    if (isKnown(headers['if-none-match'], value.tag)) {
      response.writeHead(304, fields).end()
      count(304, startedMs)
      return true
    }
    if (value.nextCursor !== undefined) fields.push('x-next-cursor', value.nextCursor)
    const gzipped = acceptsCoding(headers['accept-encoding'] as string, 'gzip') ? value.gzipped : undefined
    if (gzipped !== undefined) fields.push('content-encoding', 'gzip')
    const body = (gzipped ?? value.body)(nowUs(), dataThroughUs)
    fields.push('content-type', value.contentType, 'content-length', String(body.length))
    response.writeHead(200, fields).end(body, 'latin1')
    count(200, startedMs)
    return true
  }
  return {
    learn(reader, { url = '', headers }, { checked, key, stale }, answered) {
      if (stale || url.length > longestAddress || (headers.accept?.length ?? 0) > 256) return
      const { name, version } = checked.query.meter
      const address = addressOf(reader, headers.accept, url)
      const fields = internFields(interned, answered)
      recipes.set(address, { key, fields, meter: name, version }, 2 * address.length + 200)
    },
    answer(request, response) {
      try {
        return answer(request, response)
      } catch (error) {
        // The long way comes to the same end, and tells it.
        if (response.headersSent) throw error
        return false
      }
    },
    stop() {
      stopped = true
    },
  }
}

/** Of one answer alone. */
const own = [
  'x-request-id',
  'etag',
  'ratelimit',
  'ratelimit-policy',
  'content-type',
  'content-length',
  'date',
]

/** The headers that every answer of this door has, whoever puts them there; mostly one set for all addresses. */
function internFields(
  interned: Map<string, readonly string[]>,
  headers: OutgoingHttpHeaders,
): readonly string[] {
  const fields = Object.entries(headers)
    .filter(([name, value]) => value !== undefined && !own.includes(name.toLowerCase()))
    .flatMap(([name, value]) => [name, String(value)])
  const text = fields.join('\n')
  const known = interned.get(text)
  if (known !== undefined) return known
  if (interned.size < 100) interned.set(text, fields)
  return fields
}

function hasBody(headers: IncomingMessage['headers']): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}

/** What a key may read, as a hash, for it may be long lists; principals live as long as their key's record. */
const readings = new WeakMap<object, string>()

/** Readers of one tenant and equal constraints get the same. */
function addressOf(
  reader: Pick<Principal, 'tenant' | 'constraints'>,
  accept: string | undefined,
  url: string,
): string {
  let reading = readings.get(reader)
  if (reading === undefined) {
    const text = JSON.stringify([reader.tenant, reader.constraints])
    reading = createHash('sha256').update(text).digest('base64url')
    readings.set(reader, reading)
  }
  return `${reading}\n${accept ?? ''}\n${url}`
}

/** Puts it in front of what the server does with requests. */
export function installWarmReports(server: Server, warm: WarmReports): void {
  const listeners = server.listeners('request') as ((
    request: IncomingMessage,
    response: ServerResponse,
  ) => void)[]
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (warm.answer(request, response)) return
    for (const listener of listeners) listener.call(server, request, response)
  })
}
