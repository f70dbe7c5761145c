import type { Event } from '@millrace/proto'
import { within } from '@millrace/service-kit/deadline'
import { ServiceError } from '@millrace/service-kit/errors'
import { writeRateLimit } from '@millrace/service-kit/rate-limit-http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { admitEvents } from './admit-events.ts'
import { postEvents } from './describe-events.ts'
import type { IngestHttpConfig, IngestHttpDeps } from './http.ts'
import { isBinaryMode, readBinaryEvent } from './read-binary-event.ts'
import { type JsonLayout, readJsonEvents } from './read-json-events.ts'
import { createReception } from './reception.ts'
import { principalOf, requireScope } from './require-scope.ts'
import { unconfirmed } from './unconfirmed.ts'

const structured: ReadonlyMap<string, { readonly layout: JsonLayout; readonly fillIn: boolean }> = new Map([
  ['application/cloudevents+json', { layout: 'one', fillIn: false }],
  ['application/cloudevents-batch+json', { layout: 'batch', fillIn: false }],
  ['application/json', { layout: 'either', fillIn: true }],
  ['application/x-ndjson', { layout: 'lines', fillIn: true }],
])
const mediaTypes = [...structured.keys()].join(', ')

export function addEventRoutes(app: FastifyInstance, deps: IngestHttpDeps, config: IngestHttpConfig): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    scope.post(
      '/v1/events',
      {
        onRequest: [requireScope(deps.authenticator, 'events:write'), checkQuery, checkMediaType],
        schema: postEvents,
      },
      async (request, reply) => {
        try {
          const events = readEvents(request, deps, config)
          const limit = admitEvents(deps.limits, principalOf(request), events)
          if (limit !== undefined) writeRateLimit(reply, limit)
          const { ids } = await within(deps.acceptEvents(events), config.requestTimeoutMs, unconfirmed)
          deps.metrics.accepted(ids.length)
          return reply.code(202).send({ accepted: ids.length, ids })
        } catch (error) {
          if (error instanceof ServiceError) deps.metrics.refused(error.code)
          throw error
        }
      },
    )
  })
}

function readEvents(request: FastifyRequest, deps: IngestHttpDeps, config: IngestHttpConfig): Event[] {
  const form = structured.get(mediaTypeOf(request))
  const traceparent = request.headers.traceparent
  const reception = createReception(deps, {
    principal: principalOf(request),
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    fillIn: form?.fillIn ?? false,
  })
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  if (isBinary(request)) return [readBinaryEvent(request.headers, body, reception)]
  return readJsonEvents(body, form?.layout ?? 'either', reception, config.maxEvents)
}

/** Whoever asks for an answer after storage must not take another one for it. */
function checkQuery(request: FastifyRequest, _reply: unknown, done: (error?: Error) => void): void {
  const [unknown] = Object.keys(request.query as object)
  if (unknown === undefined) done()
  else done(new ServiceError('invalid-request', `The query parameter ${unknown} is not supported here yet.`))
}

/** Before the body is read: nobody sends megabytes to learn that they are of the wrong kind. */
function checkMediaType(request: FastifyRequest, _reply: unknown, done: (error?: Error) => void): void {
  const mediaType = mediaTypeOf(request)
  const charset =
    /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1] ?? 'utf-8'
  if (!/^(identity)?$/i.test(request.headers['content-encoding'] ?? '')) {
    done(new ServiceError('unsupported-media-type', 'Send the body without a content-encoding.'))
  } else if (!isBinary(request) && !structured.has(mediaType)) {
    done(new ServiceError('unsupported-media-type', `Send events as ${mediaTypes}, or with ce- headers.`))
  } else if (!isBinary(request) && !/^utf-?8$/i.test(charset)) {
    done(new ServiceError('unsupported-media-type', 'JSON is sent in UTF-8.'))
  } else done()
}

function isBinary(request: FastifyRequest): boolean {
  return isBinaryMode(request.headers) && !mediaTypeOf(request).startsWith('application/cloudevents')
}

function mediaTypeOf(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}
