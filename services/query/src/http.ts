import type { KeyReader, Principal, Scope } from '@millrace/catalog/authenticate-key'
import type { KeyLimits, KeyUsageBook } from '@millrace/catalog/key-usage'
import { pingDocs } from '@millrace/service-kit/describe-ping'
import { discardRest } from '@millrace/service-kit/discard-rest'
import { installDocs } from '@millrace/service-kit/docs-http'
import type { Logger } from '@millrace/service-kit/log'
import {
  createClientErrorHandler,
  frameworkErrors,
  installProblems,
  requestIdOf,
} from '@millrace/service-kit/problem-http'
import { installRateLimits } from '@millrace/service-kit/rate-limit-http'
import { refuseExpectations } from '@millrace/service-kit/refuse-expectations'
import { observeHttpRequests } from '@millrace/service-kit/request-durations'
import { requireHost } from '@millrace/service-kit/require-host'
import { type HttpTls, httpsOptions } from '@millrace/service-kit/tls'
import { renewHttpTls } from '@millrace/service-kit/tls-renewal'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify'
import { queryDocs } from './describe-queries.ts'
import { addCatalogRoutes } from './http-catalog.ts'
import { addCommandRoutes, type CommandsConfig } from './http-commands.ts'
import { addConsoleRoutes } from './http-console.ts'
import { addDeliveryRoutes } from './http-deliveries.ts'
import { addEventRoutes } from './http-events.ts'
import { addLiveRoutes } from './http-live.ts'
import { addReportRoutes } from './http-reports.ts'
import { addSessionRoutes } from './http-session.ts'
import { installRequestSchemas } from './request-schema.ts'
import { installSecurityHeaders, readSecurityHeaders } from './security-headers.ts'
import type { Core } from './service.ts'
import type { Sessions } from './session.ts'
import { sessionOf } from './session-cookie.ts'

/** Lets a route in with a scope, and hands over who asks. */
export type Authorize = (request: FastifyRequest, scope: Scope) => Principal

export interface HttpDeps extends Core {
  readonly authenticator: KeyReader
  readonly sessions: Sessions
  readonly limits: KeyLimits
  readonly keyUsage: Pick<KeyUsageBook, 'lastUsedAtUs'>
  readonly logger: Logger
  /** One answered request: the route as it is declared, and the status. */
  readonly countRequest: (route: string, status: number) => void
}

/** The public door. */
export async function createHttpApp(
  deps: HttpDeps,
  config: HttpTls & CommandsConfig = {},
): Promise<FastifyInstance> {
  const headers = readSecurityHeaders(config.httpTlsCert !== undefined)
  const { https }: { readonly https?: object } = httpsOptions(config)
  const server = { requireHostHeader: false }
  const app: FastifyInstance = fastify({
    ...(https === undefined ? { http: server } : { https: { ...https, ...server } }),
    loggerInstance: deps.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    frameworkErrors: (error, request, reply) => {
      reply.headers(headers)
      frameworkErrors(error, request, reply)
    },
    clientErrorHandler: createClientErrorHandler(headers),
    requestIdHeader: false,
    bodyLimit: 1024 * 1024,
    // A body that trickles in must not hold a connection for ever.
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    // Ids of events have up to 4,096 characters, and more when they are escaped; headers in all have 16 KiB.
    routerOptions: { maxParamLength: 12_288 },
  })
  installSecurityHeaders(app, headers)
  refuseExpectations(app.server, headers)
  renewHttpTls(app, config, deps.logger)
  installProblems(app)
  requireHost(app)
  installRequestSchemas(app)
  observeHttpRequests(app, deps.metrics.durations)
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
    const authorization = request.headers.authorization ?? sessionOf(request, deps.sessions)?.authorization
    const principal = deps.authenticator.authenticate(authorization, scope)
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
  addSessionRoutes(app, deps, config.ingestUrl !== undefined)
  addCommandRoutes(app, deps.sessions, config)
  addConsoleRoutes(app)
  return app
}
