import type { Event } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { writeRateLimit } from '@millrace/service-kit/rate-limit-http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { acceptRequest, readWaitFor } from './accept-request.ts'
import { admitEvents } from './admit-events.ts'
import { readQuery } from './check-query.ts'
import { postEvents } from './describe-events.ts'
import type { IngestHttpConfig, IngestHttpDeps } from './http.ts'
import { bodyOf, checkCodings, leaveBodiesUnread, limitsOf } from './http-body.ts'
import { isBinaryMode, readBinaryEvent } from './read-binary-event.ts'
import { type JsonLayout, readJsonEvents } from './read-json-events.ts'
import { createJsonLines } from './read-json-lines.ts'
import { collectBody, receiveBody } from './receive-body.ts'
import { createReception, endSpan, type RequestSpan, traceparentOf } from './reception.ts'
import { readPreferredWait, startDeadline } from './request-deadline.ts'
import { checkCharset, mediaTypeOf } from './request-media-type.ts'
import { principalOf, requireScope } from './require-scope.ts'

interface Form {
  readonly layout: JsonLayout | 'lines'
  readonly fillIn: boolean
}

const forms: ReadonlyMap<string, Form> = new Map([
  ['application/cloudevents+json', { layout: 'one', fillIn: false }],
  ['application/cloudevents-batch+json', { layout: 'batch', fillIn: false }],
  ['application/json', { layout: 'either', fillIn: true }],
  ['application/x-ndjson', { layout: 'lines', fillIn: true }],
])
const mediaTypes = [...forms.keys()].join(', ')

export function addEventRoutes(app: FastifyInstance, deps: IngestHttpDeps, config: IngestHttpConfig): void {
  app.register(async (scope) => {
    leaveBodiesUnread(scope)
    scope.post(
      '/v1/events',
      {
        onRequest: [requireScope(deps.authenticator, 'events:write'), checkMediaType, checkCodings],
        schema: postEvents,
      },
      async (request, reply) => {
        try {
          const untilStored = readWaitFor(readQuery(request, ['wait']).wait)
          const deadline = startDeadline(readPreferredWait(request.headers.prefer))
          const { events, reception } = await readEvents(request, deps, config)
          const leftMs = Math.min(config.requestTimeoutMs, deadline.leftMs())
          if (request.raw.socket.destroyed) throw new ServiceError('request-timeout', 'The sender has gone.')
          const limit = admitEvents(deps.limits, principalOf(request), events)
          if (limit !== undefined) writeRateLimit(reply, limit)
          const gone = (): AbortSignal => goneSignal(reply)
          const { ids, stored } = await acceptRequest(deps, events, { leftMs, untilStored, gone })
          deps.metrics.accepted(ids.length)
          endSpan(deps, reception, { name: 'POST /v1/events', accepted: ids.length })
          if (!untilStored) return reply.code(202).send({ accepted: ids.length, ids })
          return reply.code(stored ? 200 : 202).send({ accepted: ids.length, ids, stored })
        } catch (error) {
          if (error instanceof ServiceError) deps.metrics.refused(error.code)
          throw error
        }
      },
    )
  })
}

async function readEvents(
  request: FastifyRequest,
  deps: IngestHttpDeps,
  { maxBodyBytes, maxEvents }: IngestHttpConfig,
): Promise<{ events: readonly Event[]; reception: RequestSpan }> {
  const form = isBinary(request) ? undefined : forms.get(mediaTypeOf(request))
  const reception = createReception(deps, {
    principal: principalOf(request),
    traceparent: traceparentOf(request.headers),
    fillIn: form?.fillIn ?? false,
  })
  const limits = limitsOf(request, maxBodyBytes)
  if (form?.layout === 'lines') {
    const lines = createJsonLines(reception, maxEvents)
    await receiveBody(bodyOf(request), limits, lines.take)
    return { events: lines.end(), reception }
  }
  const body = await collectBody(bodyOf(request), limits)
  const events =
    form === undefined
      ? [readBinaryEvent(request.raw.rawHeaders, body, reception)]
      : readJsonEvents(body, form.layout, reception, maxEvents)
  return { events, reception }
}

function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}

/** Before the body is read: nobody sends megabytes to learn that they are of the wrong kind. */
function checkMediaType(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
  if (isBinary(request)) {
    done()
    return
  }
  try {
    if (!forms.has(mediaTypeOf(request))) {
      throw new ServiceError('unsupported-media-type', `Send events as ${mediaTypes}, or with ce- headers.`)
    }
    checkCharset(request)
    done()
  } catch (error) {
    reply.header('accept', mediaTypes)
    done(error as Error)
  }
}

/** The media type of structured mode goes before the headers of binary mode. Source: CloudEvents HTTP binding, section 3. */
function isBinary(request: FastifyRequest): boolean {
  return isBinaryMode(request.headers) && !mediaTypeOf(request).startsWith('application/cloudevents')
}
