import { within } from '@millrace/service-kit/deadline'
import { ServiceError } from '@millrace/service-kit/errors'
import { continueTrace, formatTraceparent } from '@millrace/service-kit/trace-context'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { postPostbackAlias, postPostbacks } from './describe-postbacks.ts'
import type { IngestHttpConfig, IngestHttpDeps } from './http.ts'
import { readPostback } from './read-postback.ts'
import { principalOf, requireScope } from './require-scope.ts'
import { unconfirmed } from './unconfirmed.ts'

export function addPostbackRoutes(
  app: FastifyInstance,
  deps: IngestHttpDeps,
  config: IngestHttpConfig,
): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      if (!Buffer.isBuffer(request.body))
        throw new ServiceError('invalid-request', 'The body is empty. Send JSON.')
      const { tenant, application } = principalOf(request)
      const traceparent = request.headers.traceparent
      const postback = readPostback(request.body)
      const accepting = deps.acceptPostback(postback, {
        tenant,
        application,
        receivedAtUs: deps.now(),
        traceparent: formatTraceparent(
          continueTrace(typeof traceparent === 'string' ? traceparent : undefined),
        ),
      })
      const accepted = await within(accepting, config.requestTimeoutMs, unconfirmed)
      deps.metrics.deliveries(accepted.deliveries.length)
      return reply.code(202).send(accepted)
    }
    const onRequest = requireScope(deps.authenticator, 'postbacks:write')
    scope.post('/v1/postbacks', { onRequest, schema: postPostbacks }, handle)
    scope.post('/postback', { onRequest, schema: postPostbackAlias }, handle)
  })
}
