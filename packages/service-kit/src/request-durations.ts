import { status as grpcStatus, type UntypedServiceImplementation } from '@grpc/grpc-js'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { errorMeanings } from './errors.ts'
import { createLabelledHistogram, type HistogramChild } from './labelled-histogram.ts'
import type { Registry } from './metrics.ts'

/** How many requests there were, how they ended and how long they took: by route and by class of their status. */
export interface RequestDurations {
  /**
   * @param route a template, never an address: each makes time series of its own
   * @param status HTTP's
   */
  observe(route: string, status: number, seconds: number): void
}

/** Seconds; the promise of ingest and of query is at a quarter of a second and below. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Registers `millrace_<service>_request_seconds`: a child of it is found by the route and the class. */
export function createRequestDurations(registry: Registry, service: string): RequestDurations {
  const histogram = createLabelledHistogram(registry, {
    name: `millrace_${service.replaceAll('-', '_')}_request_seconds`,
    help: 'Requests by route and class of their status (gRPC’s as HTTP’s), and how long they took.',
    bounds,
  })
  const routes = new Map<string, (HistogramChild | undefined)[]>()
  return {
    observe(route, status, seconds) {
      let children = routes.get(route)
      if (children === undefined) {
        children = []
        routes.set(route, children)
      }
      const index = Math.floor(status / 100)
      children[index] ??= histogram.child({ route, class: `${index}xx` })
      children[index].observe(seconds)
    },
  }
}

/** What a client who did not wait for the answer counts as, by a convention of proxies. */
const clientGone = 499

/**
 * Observes every answer of the app, and every request whose client gave up before its answer. A hijacked one, which
 * lasts as long as its reader likes, is not an answer.
 */
export function observeHttpRequests(app: FastifyInstance, requests: RequestDurations): void {
  /** The framework sends these itself: all but the hijacked. */
  const answers = new WeakSet<FastifyReply>()
  const observed = new WeakSet<FastifyReply>()
  const observe = (request: FastifyRequest, reply: FastifyReply, status: number): void => {
    const isHijacked = reply.sent && !answers.has(reply)
    if (isHijacked || observed.has(reply)) return
    observed.add(reply)
    const route = `${request.method} ${request.routeOptions.url ?? 'unmatched'}`
    requests.observe(route, status, reply.elapsedTime / 1_000)
  }
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) observe(request, reply, clientGone)
    })
    done()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    answers.add(reply)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    observe(request, reply, reply.statusCode)
    done()
  })
}

const httpStatuses = new Map<number, number>([
  [grpcStatus.OK, 200],
  [grpcStatus.CANCELLED, clientGone],
  ...Object.values(errorMeanings).map(({ grpcStatus: code, httpStatus }): [number, number] => [
    code,
    httpStatus,
  ]),
])

type UnaryHandler = (
  call: unknown,
  callback: (error: { code?: number } | null, ...rest: unknown[]) => void,
) => void

/** The same calls, those with one answer observed. Streams last as long as their clients like. */
export function observeGrpcCalls(
  service: { readonly definition: object; readonly implementation: UntypedServiceImplementation },
  requests: RequestDurations,
): UntypedServiceImplementation {
  const observed: UntypedServiceImplementation = { ...service.implementation }
  for (const [method, { requestStream, responseStream }] of Object.entries(service.definition)) {
    const handler = service.implementation[method] as UnaryHandler | undefined
    if (handler === undefined || requestStream || responseStream) continue
    const route = `grpc ${method[0]?.toUpperCase()}${method.slice(1)}`
    const observing: UnaryHandler = (call, callback) => {
      const startedMs = performance.now()
      handler.call(service.implementation, call, (error, ...rest) => {
        const code = error === null ? grpcStatus.OK : (error.code ?? grpcStatus.UNKNOWN)
        requests.observe(route, httpStatuses.get(code) ?? 500, (performance.now() - startedMs) / 1_000)
        callback(error, ...rest)
      })
    }
    observed[method] = observing as UntypedServiceImplementation[string]
  }
  return observed
}
