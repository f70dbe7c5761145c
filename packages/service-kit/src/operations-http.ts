import { type FastifyInstance, fastify } from 'fastify'
import type { Registry } from 'prom-client'
import { clientErrorHandler, frameworkErrors, installProblems, requestIdOf } from './problem-http.ts'
import type { Readiness } from './readiness.ts'

export interface OperationsDoor {
  /** The port that it listens on. */
  readonly port: number
  stop(): Promise<void>
}

/** The port that an app listens on, also when it was asked for a free one. */
export function boundPort(app: FastifyInstance): number {
  const address = app.addresses()[0]
  if (address === undefined || typeof address === 'string') throw new Error('the door does not listen')
  return address.port
}

/** The door for operators: /metrics, /healthz/live and /healthz/ready. */
export async function startOperationsDoor(
  deps: { metrics: Registry; readiness: Readiness },
  config: { operationsHost: string; operationsPort: number },
): Promise<OperationsDoor> {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    genReqId: requestIdOf,
    frameworkErrors,
    clientErrorHandler,
  })
  installProblems(app)
  app.get('/metrics', async (_request, reply) =>
    reply.type(deps.metrics.contentType).send(await deps.metrics.metrics()),
  )
  app.get('/healthz/live', () => ({ status: 'live' }))
  app.get('/healthz/ready', (_request, reply) => {
    const ready = deps.readiness.isReady()
    return reply
      .code(ready ? 200 : 503)
      .send(ready ? { status: 'ready' } : { status: 'not ready', missing: deps.readiness.missing() })
  })
  await app.listen({ host: config.operationsHost, port: config.operationsPort })
  return {
    port: boundPort(app),
    stop: () => app.close(),
  }
}
