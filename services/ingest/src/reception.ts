import type { IncomingHttpHeaders } from 'node:http'
import type { Principal } from '@millrace/catalog/authenticate-key'
import { noSpans, type SpanRecorder } from '@millrace/service-kit/span-recorder'
import {
  continueTrace,
  formatTraceparent,
  parseTraceparent,
  type TraceContext,
} from '@millrace/service-kit/trace-context'
import type { Reception } from './read-event.ts'

/** The span of a request that is being accepted. */
export interface RequestSpan {
  readonly trace: TraceContext
  /** As it was sent. */
  readonly parent: string | undefined
  /** Microseconds since 1970. */
  readonly receivedAtUs: number
}

export interface TracingDeps {
  /** Microseconds since 1970. */
  readonly now: () => number
  readonly spans?: SpanRecorder
}

/** What the receiver adds to the events of one request. */
export function createReception(
  deps: TracingDeps & { readonly newId: () => string },
  request: {
    readonly principal: Principal
    /** As it was sent. */
    readonly traceparent: string | undefined
    readonly fillIn: boolean
  },
): Reception & RequestSpan {
  const { tenant, application, scopes } = request.principal
  const { trace, parent, receivedAtUs } = startSpan(deps, request.traceparent)
  // Written out, and with functions of the module: each request makes one.
  return {
    trace,
    parent,
    receivedAtUs,
    tenant,
    application,
    backfill: scopes.has('events:backfill'),
    traceparent: formatTraceparent(trace),
    continueTrace: continueEventTrace,
    fillIn: request.fillIn,
    newId: deps.newId,
  }
}

function continueEventTrace(traceparent: string): string | undefined {
  return parseTraceparent(traceparent) && formatTraceparent(continueTrace(traceparent))
}

/** As it was sent, if it was. */
export function traceparentOf({ traceparent }: IncomingHttpHeaders): string | undefined {
  return typeof traceparent === 'string' ? traceparent : undefined
}

/** @param traceparent as it was sent */
export function startSpan(deps: TracingDeps, traceparent: string | undefined): RequestSpan {
  return {
    trace: (deps.spans ?? noSpans).continueTrace(traceparent),
    parent: traceparent,
    receivedAtUs: deps.now(),
  }
}

/** Once Kafka has confirmed what the request brought, or has not. */
export function endSpan(
  deps: TracingDeps,
  span: RequestSpan,
  request: { readonly name: string; readonly accepted: number; readonly error?: string },
): void {
  if (!span.trace.sampled) return
  deps.spans?.record({
    trace: span.trace,
    parent: span.parent,
    name: request.name,
    kind: 'server',
    startMs: span.receivedAtUs / 1_000,
    endMs: deps.now() / 1_000,
    attributes: { 'messaging.system': 'kafka', 'messaging.batch.message_count': request.accepted },
    ...(request.error !== undefined && { error: request.error }),
  })
}
