import { within } from '@millrace/service-kit/deadline'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatTraceparent } from '@millrace/service-kit/trace-context'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { readQuery } from './check-query.ts'
import { postPostbackAlias, postPostbacks } from './describe-postbacks.ts'
import type { IngestHttpConfig, IngestHttpDeps } from './http.ts'
import { bodyOf, leaveBodiesUnread, limitsOf } from './http-body.ts'
import { readPostback } from './read-postback.ts'
import { collectBody } from './receive-body.ts'
import { endSpan, startSpan, traceparentOf } from './reception.ts'
import { checkCharset, mediaTypeOf } from './request-media-type.ts'
import { principalOf, requireScope } from './require-scope.ts'
import { unconfirmed } from './unconfirmed.ts'

export function addPostbackRoutes(
  app: FastifyInstance,
  deps: IngestHttpDeps,
  config: IngestHttpConfig,
): void {
  app.register(async (scope) => {
    leaveBodiesUnread(scope)
    const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      readQuery(request, [])
      const { tenant, application } = principalOf(request)
      const body = await collectBody(bodyOf(request), limitsOf(request, config.maxBodyBytes))
      if (body.length === 0) throw new ServiceError('invalid-request', 'The body is empty. Send JSON.')
      const postback = readPostback(body)
      const span = startSpan(deps, traceparentOf(request.headers))
      const accepting = deps.acceptPostback(postback, {
        tenant,
        application,
        receivedAtUs: span.receivedAtUs,
        traceparent: formatTraceparent(span.trace),
      })
      const accepted = await within(accepting, config.requestTimeoutMs, unconfirmed)
      deps.metrics.deliveries(accepted.deliveries.length)
      endSpan(deps, span, { name: 'POST /v1/postbacks', accepted: accepted.deliveries.length })
      return reply.code(202).send(accepted)
    }
    const onRequest = [requireScope(deps.authenticator, 'postbacks:write'), checkMediaType]
    scope.post('/v1/postbacks', { onRequest, schema: postPostbacks }, handle)
    scope.post('/postback', { onRequest, schema: postPostbackAlias }, handle)
  })
}

function checkMediaType(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
  try {
    if (mediaTypeOf(request) !== 'application/json') {
      reply.header('accept', 'application/json')
      throw new ServiceError('unsupported-media-type', 'Send a postback as application/json.')
    }
    checkCharset(request)
    done()
  } catch (error) {
    done(error as Error)
  }
}
