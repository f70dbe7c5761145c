import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace'
import { z } from 'zod'
import { type ConfigOf, setting, text } from './config.ts'
import { continueTrace, parseTraceparent, type TraceContext } from './trace-context.ts'

export const tracingSettings = {
  otlpEndpoint: setting(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    text('').refine(isHttpUrl, 'needs an http or https URL'),
    'OTLP/HTTP collector that traces go to, such as http://collector:4318; without one none are recorded',
  ),
  traceRatio: setting(
    'OTEL_TRACES_SAMPLER_ARG',
    z.coerce.number().min(0).max(1).default(0.01),
    'share, from 0 to 1, of the requests without a trace of their own that start one',
  ),
} as const

/** Something that took time, and is part of a sampled trace. */
export interface Span {
  /** Its own ids, as `continueTrace` gave them. */
  readonly trace: TraceContext
  /** The W3C `traceparent` that it continued, when there was one. */
  readonly parent: string | undefined
  readonly name: string
  readonly kind: 'server' | 'client' | 'consumer'
  /** Milliseconds since 1970, with a fraction. */
  readonly startMs: number
  readonly endMs: number
  /** By OpenTelemetry's semantic conventions where they have a name. */
  readonly attributes: Readonly<Record<string, string | number>>
  /** What went wrong. */
  readonly error?: string
}

/** Sends spans to a collector, in batches and behind everything else: what it cannot send is dropped. */
export interface SpanRecorder {
  /** As `continueTrace`; a trace that starts here is sampled as often as configured. */
  continueTrace(traceparent: string | undefined): TraceContext
  /** Does nothing for traces that are not sampled. */
  record(span: Span): void
  /** Sends what is left. */
  stop(): Promise<void>
}

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER } as const

/** Where nobody collects spans. */
export const noSpans: SpanRecorder = { continueTrace, record() {}, stop: async () => undefined }

/** @param random from [0, 1) */
export function createSpanRecorder(
  service: string,
  config: ConfigOf<typeof tracingSettings>,
  random: () => number = Math.random,
): SpanRecorder {
  if (config.otlpEndpoint === '') return noSpans
  const url = `${config.otlpEndpoint.replace(/\/+$/, '')}/v1/traces`
  const processor = new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }) })
  const resource = resourceFromAttributes({ 'service.name': `millrace-${service}` })
  return {
    continueTrace(traceparent) {
      const trace = continueTrace(traceparent)
      const isRoot = parseTraceparent(traceparent) === undefined
      return isRoot ? { ...trace, sampled: random() < config.traceRatio } : trace
    },
    record(span) {
      if (span.trace.sampled) processor.onEnd(toReadableSpan(span, resource))
    },
    stop: () => processor.shutdown(),
  }
}

function toReadableSpan(span: Span, resource: ReadableSpan['resource']): ReadableSpan {
  const parent = parseTraceparent(span.parent)
  return {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => toSpanContext(span.trace),
    ...(parent !== undefined && { parentSpanContext: { ...toSpanContext(parent), isRemote: true } }),
    startTime: toHrTime(span.startMs),
    endTime: toHrTime(span.endMs),
    duration: toHrTime(Math.max(0, span.endMs - span.startMs)),
    status:
      span.error === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: span.error },
    attributes: span.attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'millrace' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

function toSpanContext({ traceId, spanId, sampled }: TraceContext) {
  return { traceId, spanId, traceFlags: sampled ? 1 : 0 }
}

function toHrTime(ms: number): [seconds: number, nanoseconds: number] {
  const seconds = Math.floor(ms / 1_000)
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)]
}

function isHttpUrl(value: string): boolean {
  return value === '' || /^https?:\/\/[^\s]+$/.test(value)
}
