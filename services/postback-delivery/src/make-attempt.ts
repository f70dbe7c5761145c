import type { Delivery } from '@millrace/proto'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import { type LineLogger, type Logger, withFlatFields } from '@millrace/service-kit/log'
import type { Span, SpanRecorder } from '@millrace/service-kit/span-recorder'
import { continueTrace, formatTraceparent, parseTraceparent } from '@millrace/service-kit/trace-context'
import type { Receiver } from './breaker-states.ts'
import type { Health } from './breakers.ts'
import { type Judged, toLogFields, toMessages } from './describe-attempt.ts'
import type { SendResult } from './exchange.ts'
import type { HttpSender } from './http-sender.ts'
import { judgeHealth } from './judge-health.ts'
import { type FailureCode, judgeFailure, judgeStatus } from './judge-response.ts'
import type { DeliveryMetrics } from './metrics.ts'
import type { OpenReceiver } from './open-receiver.ts'
import { parseRetryAfter } from './parse-retry-after.ts'
import { prepareRequest } from './prepare-request.ts'
import type { SendTarget, Target } from './resolve-target.ts'
import { chooseTier, nextDelayMs, retriesOnly5xx } from './retry-schedule.ts'
import type { SignRequest } from './sign-request.ts'
import type { EndpointSeen } from './watch-endpoint.ts'

export interface AttempterDeps {
  readonly sender: HttpSender
  /** What is to be done with it now. */
  readonly resolve: (delivery: Delivery) => Target
  readonly sign: SignRequest
  readonly openReceiver: OpenReceiver
  readonly logger: Logger
  /** Without one nobody collects spans. */
  readonly spans?: SpanRecorder
  readonly metrics: DeliveryMetrics
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From [0, 1). */
  readonly random: () => number
}

/** The same, with lines that cost less. */
interface AttemptDeps extends Omit<AttempterDeps, 'logger'> {
  readonly logger: LineLogger
}

export interface AttempterConfig {
  readonly kafkaTopicPrefix: string
}

/** Nobody may keep a connection for longer. */
const longestTimeoutMs = 5 * 60 * 1_000

/** What the attempt has shown of whom it was made to. */
export type SeenReceiver = Receiver & { readonly health: Health }

export interface AttemptMade {
  /** What has to be written down before the delivery's record is committed. */
  readonly messages: readonly OutgoingMessage[]
  /** Undefined when there was no request. */
  readonly receiver: SeenReceiver | undefined
  /** Undefined for a postback, and when there was no request. */
  readonly endpoint: EndpointSeen | undefined
  /**
   * Logs and counts it.
   * @param abandoned it counts for nothing: it was cut off, or another instance makes it again
   */
  report(abandoned: boolean): void
}

/** Makes one attempt, or decides without one where the endpoint is held or gone. */
export type Attempter = (delivery: Delivery) => Promise<AttemptMade>

export function createAttempter({ logger, ...others }: AttempterDeps, config: AttempterConfig): Attempter {
  const deps: AttemptDeps = { ...others, logger: withFlatFields(logger) }
  return async (delivery) => {
    // A crash in here leaves the record uncommitted: whoever reads it next makes the same attempt, with the same
    // number and the same webhook-id, again.
    const target = deps.resolve(delivery)
    const judged =
      target.kind === 'send'
        ? await attempt(delivery, target, deps)
        : decideWithout(delivery, target.reason, deps)
    return {
      messages: toMessages(delivery, judged, config.kafkaTopicPrefix),
      receiver: target.kind === 'send' ? seen(delivery, target, judged) : undefined,
      endpoint: target.kind === 'send' ? seenEndpoint(delivery, target, judged) : undefined,
      report: (abandoned) => report(delivery, judged, abandoned, deps),
    }
  }
}

function report(
  delivery: Delivery,
  judged: Judged,
  abandoned: boolean,
  { logger, metrics, spans }: AttemptDeps,
): void {
  const { attempted, verdict, result, next, durationMs } = judged
  const outcome = abandoned ? 'abandoned' : verdict
  const receiver = delivery.endpoint === '' ? 'postback' : 'endpoint'
  const seconds = attempted ? durationMs / 1_000 : undefined
  metrics.attempted({ receiver, outcome, failure: result.failure?.code ?? '', seconds })
  if (next !== undefined && !abandoned) metrics.retries.inc({ tier: next.tier.label })
  const fields = toLogFields(delivery, judged, outcome)
  if (attempted) spans?.record(toSpan(delivery, judged, outcome))
  logger.info(fields, attempted ? 'delivery attempted' : 'delivery not attempted')
}

function toSpan(delivery: Delivery, judged: Judged, outcome: string): Span {
  const { startedMs, durationMs, result, traceparent } = judged
  return {
    trace: parseTraceparent(traceparent) ?? continueTrace(undefined),
    parent: delivery.traceparent,
    name: 'deliver',
    kind: 'client',
    startMs: startedMs,
    endMs: startedMs + durationMs,
    attributes: {
      'http.request.method': judged.request?.method ?? '',
      'http.response.status_code': result.statusCode,
      'millrace.delivery.id': delivery.id,
      'millrace.delivery.attempt': delivery.attempts + 1,
      'millrace.delivery.outcome': outcome,
    },
    ...(result.failure !== undefined && { error: result.failure.code }),
  }
}

function seen(
  { tenant, endpoint }: Delivery,
  { queueKey }: SendTarget,
  { result }: Judged,
): SeenReceiver | undefined {
  const health = judgeHealth(result, endpoint !== '')
  return health && { tenant, queueKey, endpoint, health }
}

function seenEndpoint(
  { tenant, endpoint: name }: Delivery,
  { queueKey, registered }: SendTarget,
  { request, result }: Judged,
): EndpointSeen | undefined {
  if (registered === undefined || request === undefined) return undefined
  const { statusCode, failure } = result
  const isGood = failure === undefined && statusCode >= 200 && statusCode < 300
  const isGone = failure === undefined && statusCode === 410
  return { tenant, name, queueKey, ...registered, result: isGone ? 'gone' : isGood ? 'good' : 'bad' }
}

function decideWithout(delivery: Delivery, reason: FailureCode, deps: AttemptDeps): Judged {
  return {
    attempted: false,
    template: delivery.request,
    request: undefined,
    traceparent: delivery.traceparent,
    startedMs: deps.now(),
    durationMs: 0,
    result: unsent(reason, 'there was no attempt'),
    verdict: judgeFailure(reason),
    next: undefined,
  }
}

async function attempt(delivery: Delivery, target: SendTarget, deps: AttemptDeps): Promise<Judged> {
  const startedMs = deps.now()
  const clock = performance.now()
  if (delivery.attempts > 0 && delivery.notBeforeUs > 0 && !delivery.putOff) {
    deps.metrics.retryLatenessSeconds.observe(startedMs / 1_000 - delivery.notBeforeUs / 1_000_000)
  }
  const traceparent = formatTraceparent(continueTrace(delivery.traceparent))
  const prepared = prepareRequest(delivery, target, { traceparent, startedMs }, deps)
  const request = 'failure' in prepared ? undefined : prepared
  const result =
    'failure' in prepared
      ? unsent(prepared.failure, prepared.detail)
      : await deps.sender.send(prepared, Math.min(target.timeoutMs, longestTimeoutMs))
  const verdict =
    result.failure === undefined
      ? judgeStatus(result.statusCode, retriesOnly5xx(target.retry))
      : judgeFailure(result.failure.code, result.failure.mayChange)
  const next = verdict === 'retry' ? scheduleNext(delivery, target, result, deps) : undefined
  return {
    attempted: true,
    template: target.request,
    request,
    traceparent,
    startedMs,
    durationMs: performance.now() - clock,
    result,
    verdict: verdict === 'retry' && next === undefined ? 'dead' : verdict,
    next,
  }
}

function unsent(code: FailureCode, detail: string): SendResult {
  const failure = { code, detail }
  return { statusCode: 0, retryAfter: undefined, body: Buffer.alloc(0), bodyTruncated: false, failure }
}

function scheduleNext(
  { attempts, scheduleBase = 0 }: Delivery,
  { retry }: SendTarget,
  { retryAfter }: SendResult,
  deps: AttemptDeps,
): Judged['next'] {
  const now = deps.now()
  const retryAfterMs = parseRetryAfter(retryAfter, now)
  const delayMs = nextDelayMs(retry, attempts - scheduleBase + 1, retryAfterMs, deps.random())
  return delayMs === undefined ? undefined : { atMs: now + delayMs, tier: chooseTier(delayMs) }
}
