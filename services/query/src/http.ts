import type { Authenticator, Principal, Scope } from '@millrace/catalog/authenticate-key'
import type { KeyLimits, KeyUsageBook } from '@millrace/catalog/key-usage'
import { pingDocs } from '@millrace/service-kit/describe-ping'
import { discardRest } from '@millrace/service-kit/discard-rest'
import { installDocs } from '@millrace/service-kit/docs-http'
import type { Logger } from '@millrace/service-kit/log'
import {
  clientErrorHandler,
  frameworkErrors,
  installProblems,
  requestIdOf,
} from '@millrace/service-kit/problem-http'
import { installRateLimits } from '@millrace/service-kit/rate-limit-http'
import { type HttpTls, httpsOptions } from '@millrace/service-kit/tls'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify'
import { queryDocs } from './describe-queries.ts'
import { addCatalogRoutes } from './http-catalog.ts'
import { addConsoleRoutes } from './http-console.ts'
import { addDeliveryRoutes } from './http-deliveries.ts'
import { addEventRoutes } from './http-events.ts'
import { addLiveRoutes } from './http-live.ts'
import { addReportRoutes } from './http-reports.ts'
import { installRequestSchemas } from './request-schema.ts'
import type { Core } from './service.ts'

/** Lets a route in with a scope, and hands over who asks. */
export type Authorize = (request: FastifyRequest, scope: Scope) => Principal

export interface HttpDeps extends Core {
  readonly authenticator: Authenticator
  readonly limits: KeyLimits
  readonly keyUsage: Pick<KeyUsageBook, 'lastUsedAtUs'>
  readonly logger: Logger
  /** One answered request: the route as it is declared, and the status. */
  readonly countRequest: (route: string, status: number) => void
}

/** The public door. */
export async function createHttpApp(deps: HttpDeps, config: HttpTls = {}): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({
    ...httpsOptions(config),
    loggerInstance: deps.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    frameworkErrors,
    clientErrorHandler,
    requestIdHeader: false,
    bodyLimit: 1024 * 1024,
    // A body that trickles in must not hold a connection for ever.
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    // Ids of events have up to 4,096 characters, and more when they are escaped; headers in all have 16 KiB.
    routerOptions: { maxParamLength: 12_288 },
  })
  installProblems(app)
  installRequestSchemas(app)
  app.addHook('onResponse', (request, reply, done) => {
    deps.countRequest(`${request.method} ${request.routeOptions.url ?? 'unmatched'}`, reply.statusCode)
    if (request.raw.complete === false) discardRest(request.raw)
    done()
  })
  // The framework closes at once where a body is too large: its sender would see a broken connection, not the answer.
  app.addHook('onSend', async (request, reply) => {
    if (request.raw.complete === false) reply.removeHeader('connection')
  })
  // Answers are written by the routes themselves: a serializer would round the numbers in them.
  app.setSerializerCompiler(() => JSON.stringify)
  await installDocs(app, queryDocs)
  const principals = new WeakMap<FastifyRequest, Principal>()
  const authorize: Authorize = (request, scope) => {
    const principal = deps.authenticator.authenticate(request.headers.authorization, scope)
    principals.set(request, principal)
    return principal
  }
  installRateLimits(app, (request) => {
    const principal = principals.get(request)
    return principal && deps.limits.take(principal, 1)
  })
  app.get('/ping', { schema: pingDocs }, (_request, reply) => reply.type('text/plain').send('pong'))
  addReportRoutes(app, deps, authorize)
  addLiveRoutes(app, deps, authorize)
  addEventRoutes(app, deps, authorize)
  addDeliveryRoutes(app, deps, authorize)
  addCatalogRoutes(app, deps, authorize)
  addConsoleRoutes(app)
  return app
}
