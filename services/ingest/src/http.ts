import type { Authenticator } from '@millrace/catalog/authenticate-key'
import type { NewKey } from '@millrace/catalog/key-text'
import type { KeyLimits } from '@millrace/catalog/key-usage'
import { describeTopics } from '@millrace/proto/describe-topics'
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
import { observeHttpRequests } from '@millrace/service-kit/request-durations'
import { requireHost } from '@millrace/service-kit/require-host'
import type { SpanRecorder } from '@millrace/service-kit/span-recorder'
import { type HttpTls, httpsOptions } from '@millrace/service-kit/tls'
import { renewHttpTls } from '@millrace/service-kit/tls-renewal'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify'
import type { AcceptCommand } from './accept-command.ts'
import type { AcceptPlainEvents } from './accept-plain-events.ts'
import type { AcceptPostback } from './accept-postback.ts'
import type { AcceptRequestDeps } from './accept-request.ts'
import { withinReach } from './check-reach.ts'
import { commandDocs } from './describe-commands.ts'
import type { EndpointSecretsDeps } from './endpoint-secrets.ts'
import { installExpectations } from './expect-continue.ts'
import { addCatalogRoutes, type WriteCatalog } from './http-catalog.ts'
import { addCommandRoutes } from './http-commands.ts'
import { addEndpointRoutes } from './http-endpoints.ts'
import { addEventRoutes } from './http-events.ts'
import { addKeyRoutes } from './http-keys.ts'
import { createPlainEvents } from './http-plain-events.ts'
import { addPostbackRoutes } from './http-postbacks.ts'
import { addReplayRoutes } from './http-replays.ts'
import { addSettingsRoutes } from './http-settings.ts'
import { installJsonBodies } from './json-body.ts'
import { type ConnectionLimits, limitConnections, receiveTimeouts } from './limit-connections.ts'
import { limitRequestBytes } from './limit-request-bytes.ts'
import type { IngestMetrics } from './metrics.ts'
import type { RequestBudget } from './request-budget.ts'
import { knownPrincipal } from './require-scope.ts'
import type { TestEndpoint } from './test-endpoint.ts'

export interface IngestHttpDeps extends AcceptRequestDeps {
  readonly authenticator: Authenticator
  readonly limits: KeyLimits
  readonly newKey: () => NewKey
  /** Whose an issued key is; undefined when there is none of this id. */
  readonly tenantOfKey: (id: string) => string | undefined
  readonly requestBudget: RequestBudget
  readonly acceptPlainEvents: AcceptPlainEvents
  readonly acceptPostback: AcceptPostback
  readonly acceptCommand: AcceptCommand
  readonly endpoints: EndpointSecretsDeps & { readonly test: TestEndpoint }
  readonly writeCatalog: WriteCatalog
  readonly metrics: IngestMetrics
  readonly logger: Logger
  /** Microseconds since 1970. */
  readonly now: () => number
  readonly newId: () => string
  /** Without one nobody collects spans. */
  readonly spans?: SpanRecorder
}

export interface IngestHttpConfig extends HttpTls, ConnectionLimits {
  readonly maxBodyBytes: number
  readonly maxEvents: number
  readonly requestTimeoutMs: number
}

/** The public HTTP door: commands. Reads are the query service's. */
export async function createHttpDoor(
  deps: IngestHttpDeps,
  config: IngestHttpConfig,
): Promise<FastifyInstance> {
  const app = fastify({
    ...receiveTimeouts(httpsOptions(config), config),
    loggerInstance: deps.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger of each request's own costs more than it tells: what is logged names its request itself.
    childLoggerFactory: (logger) => logger,
    genReqId: requestIdOf,
    frameworkErrors,
    clientErrorHandler,
    requestIdHeader: false,
    bodyLimit: config.maxBodyBytes,
    // Ids of events have up to 4,096 characters, and more when they are escaped; headers in all have 16 KiB.
    routerOptions: { maxParamLength: 12_288 },
    forceCloseConnections: 'idle',
    // What still comes over an open connection while the door closes is answered like everything else.
    return503OnClosing: false,
  })
  // Bodies are checked by the core, which says more; the schemas of the routes only describe them.
  app.setValidatorCompiler(() => () => true)
  // Answers are small and their forms certain: compiled serializers would not be quicker, and drop what they do not know.
  app.setSerializerCompiler(() => JSON.stringify)
  limitConnections(app.server, config)
  renewHttpTls(app, config, deps.logger)
  installExpectations(app)
  installJsonBodies(app)
  installProblems(app)
  requireHost(app)
  installRateLimits(app, (request) => {
    const principal = knownPrincipal(request)
    return principal && deps.limits.take(principal, 1)
  })
  limitRequestBytes(app, deps.requestBudget)
  observeHttpRequests(app, deps.metrics.durations)
  app.addHook('onResponse', (request, reply, done) => {
    deps.metrics.request(routeOf(request), reply.statusCode)
    if (request.raw.complete === false) discardRest(request.raw)
    done()
  })
  await installDocs(app, commandDocs)
  app.get('/ping', { schema: pingDocs }, (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send('pong'),
  )
  const topics = JSON.stringify(describeTopics())
  app.get('/asyncapi.json', { schema: { hide: true } }, (_request, reply) =>
    reply.type('application/json').send(topics),
  )
  addEventRoutes(app, deps, config)
  addPostbackRoutes(app, deps, config)
  addCommandRoutes(app, deps, config)
  const reaching = { ...deps, writeCatalog: withinReach(deps.writeCatalog) }
  addCatalogRoutes(app, reaching)
  addEndpointRoutes(app, reaching, config)
  addSettingsRoutes(app, reaching)
  addReplayRoutes(app, deps)
  addKeyRoutes(app, deps)
  servePlainEventsFirst(app, deps, config)
  return app
}

/** In front of the framework: what is not served there goes on to it as if nothing had been. */
function servePlainEventsFirst(app: FastifyInstance, deps: IngestHttpDeps, config: IngestHttpConfig): void {
  let closing = false
  app.addHook('preClose', (done) => {
    closing = true
    done()
  })
  const servePlain = createPlainEvents(deps, config, () => closing)
  app.server.removeAllListeners('request')
  app.server.on('request', (request, response) => {
    if (!servePlain(request, response)) app.routing(request, response)
  })
}

/** The route as it is written, whatever the address was. */
function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'unmatched'}`
}
