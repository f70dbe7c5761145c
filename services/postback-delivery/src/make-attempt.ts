import type { Delivery } from '@millrace/proto'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import type { Logger } from '@millrace/service-kit/log'
import { continueTrace, formatTraceparent } from '@millrace/service-kit/trace-context'
import { type Judged, toLogFields, toMessages } from './describe-attempt.ts'
import type { SendResult } from './exchange.ts'
import type { HttpSender } from './http-sender.ts'
import { judgeFailure, judgeStatus } from './judge-response.ts'
import type { DeliveryMetrics } from './metrics.ts'
import { parseRetryAfter } from './parse-retry-after.ts'
import { type RenderedRequest, renderRequest } from './render-request.ts'
import { RenderError } from './render-template.ts'
import { chooseTier, nextDelayMs, retriesOnly5xx } from './retry-schedule.ts'

export interface AttempterDeps {
  readonly sender: HttpSender
  readonly logger: Logger
  readonly metrics: DeliveryMetrics
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From [0, 1). */
  readonly random: () => number
}

export interface AttempterConfig {
  readonly kafkaTopicPrefix: string
  /** For deliveries that have none of their own. */
  readonly timeoutMs: number
}

/** Nobody may keep a connection for longer. */
const longestTimeoutMs = 5 * 60 * 1_000

export interface AttemptMade {
  /** What has to be written down before the delivery's record is committed. */
  readonly messages: readonly OutgoingMessage[]
  /**
   * Logs and counts it.
   * @param abandoned it counts for nothing: it was cut off, or another instance makes it again
   */
  report(abandoned: boolean): void
}

/** Makes one attempt. */
export type Attempter = (delivery: Delivery) => Promise<AttemptMade>

export function createAttempter(deps: AttempterDeps, config: AttempterConfig): Attempter {
  return async (delivery) => {
    // A crash in here leaves the record uncommitted: whoever reads it next makes the same attempt, with the same
    // number and the same webhook-id, again.
    const judged = await attempt(delivery, deps, config)
    return {
      messages: toMessages(delivery, judged, config.kafkaTopicPrefix),
      report: (abandoned) => report(delivery, judged, abandoned, deps),
    }
  }
}

function report(
  delivery: Delivery,
  judged: Judged,
  abandoned: boolean,
  { logger, metrics }: AttempterDeps,
): void {
  const { verdict, result, next, durationMs } = judged
  const outcome = abandoned ? 'abandoned' : verdict
  metrics.attempts.inc({ outcome, failure: result.failure?.code ?? '' })
  metrics.attemptSeconds.observe({ outcome }, durationMs / 1_000)
  if (next !== undefined && !abandoned) metrics.retries.inc({ tier: next.tier.label })
  logger.info({ ...toLogFields(delivery, judged), ...(abandoned && { outcome }) }, 'delivery attempted')
}

async function attempt(delivery: Delivery, deps: AttempterDeps, config: AttempterConfig): Promise<Judged> {
  const startedMs = deps.now()
  const clock = performance.now()
  if (delivery.attempts > 0) {
    deps.metrics.retryLatenessSeconds.observe(startedMs / 1_000 - delivery.notBeforeUs / 1_000_000)
  }
  const traceparent = formatTraceparent(continueTrace(delivery.traceparent))
  const request = render(delivery, traceparent, startedMs)
  const result =
    request instanceof RenderError
      ? unsent(request)
      : await deps.sender.send(request, Math.min(delivery.timeoutMs || config.timeoutMs, longestTimeoutMs))
  const verdict =
    result.failure === undefined
      ? judgeStatus(result.statusCode, retriesOnly5xx(delivery.retry))
      : judgeFailure(result.failure.code)
  const next = verdict === 'retry' ? scheduleNext(delivery, result, deps) : undefined
  return {
    request: request instanceof RenderError ? undefined : request,
    traceparent,
    startedMs,
    durationMs: performance.now() - clock,
    result,
    verdict: verdict === 'retry' && next === undefined ? 'dead' : verdict,
    next,
  }
}

function render(delivery: Delivery, traceparent: string, startedMs: number): RenderedRequest | RenderError {
  try {
    return renderRequest(delivery, { traceparent, timestampSeconds: Math.floor(startedMs / 1_000) })
  } catch (error) {
    if (error instanceof RenderError) return error
    // A value that is too deep or too long for this process: no reason to stop for everybody else.
    return new RenderError('the request cannot be made', { cause: error })
  }
}

function unsent(error: RenderError): SendResult {
  const failure = { code: 'render', detail: error.message } as const
  return { statusCode: 0, retryAfter: undefined, body: Buffer.alloc(0), bodyTruncated: false, failure }
}

function scheduleNext(delivery: Delivery, { retryAfter }: SendResult, deps: AttempterDeps): Judged['next'] {
  const now = deps.now()
  const retryAfterMs = parseRetryAfter(retryAfter, now)
  const delayMs = nextDelayMs(delivery.retry, delivery.attempts + 1, retryAfterMs, deps.random())
  return delayMs === undefined ? undefined : { atMs: now + delayMs, tier: chooseTier(delayMs) }
}
