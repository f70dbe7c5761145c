import type { Delivery, RetryPolicy } from '@millrace/proto'
import { type RetryTier, retryTiers } from '@millrace/proto/topics'

const secondMs = 1_000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs

/** Waits before the second, third, ... attempt. */
const webhookDelaysMs = [
  5 * secondMs,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  10 * hourMs,
]
const only5xxDelaysMs = [15 * minuteMs, 15 * minuteMs, 15 * minuteMs, 15 * minuteMs]

/** A receiver may ask for more patience than the schedule has, within reason. */
const longestRetryAfterMs = 10 * hourMs
/** Waits are stretched at random by up to this part, never shortened, so that what failed together spreads out. */
const jitter = 0.1

const smallestTier = retryTiers[0] as RetryTier
/** The time that a record may wait in memory: no more than the shortest tier's delay, for which no topic is needed. */
export const longestHoldMs = smallestTier.delayMs

function retryDelays(policy: RetryPolicy | undefined): readonly number[] {
  if (policy === undefined) return webhookDelaysMs
  if (policy.preset === '') return policy.delaysMs
  return policy.preset === '5xx-only' ? only5xxDelaysMs : webhookDelaysMs
}

export function retriesOnly5xx(policy: RetryPolicy | undefined): boolean {
  return policy !== undefined && (policy.only5xx || policy.preset === '5xx-only')
}

/**
 * How long to wait before the next attempt.
 * @param attemptsMade including the one that has just failed
 * @param retryAfterMs what the receiver asked for
 * @param random from [0, 1)
 * @returns milliseconds; undefined when the attempts are used up
 */
export function nextDelayMs(
  policy: RetryPolicy | undefined,
  attemptsMade: number,
  retryAfterMs: number | undefined,
  random: number,
): number | undefined {
  const delay = retryDelays(policy)[attemptsMade - 1]
  if (delay === undefined) return undefined
  const asked = Math.min(retryAfterMs ?? 0, longestRetryAfterMs)
  return Math.ceil(Math.max(delay, asked) * (1 + jitter * random))
}

/** The largest delay that does not end too late; the smallest one when all do. */
export function chooseTier(remainingMs: number): RetryTier {
  return retryTiers.findLast(({ delayMs }) => delayMs <= remainingMs) ?? smallestTier
}

/** What to do with a record now. */
export type Turn =
  | { readonly kind: 'attempt' }
  /** Keep it in memory for that long. */
  | { readonly kind: 'hold'; readonly ms: number }
  /** Write it to that tier's topic. */
  | { readonly kind: 'hop'; readonly tier: RetryTier }

/** @param tierEndMs when the delay of the tier that it was read from is over: that of the smallest may end in memory */
export function takeTurn({ notBeforeUs }: Pick<Delivery, 'notBeforeUs'>, nowMs: number, tierEndMs = 0): Turn {
  const remainingMs = notBeforeUs / 1_000 - nowMs
  if (remainingMs <= 0) return { kind: 'attempt' }
  if (remainingMs <= longestHoldMs) return { kind: 'hold', ms: Math.ceil(remainingMs) }
  // Clocks differ: never for longer than that at a time.
  if (tierEndMs > nowMs) return { kind: 'hold', ms: Math.min(longestHoldMs, Math.ceil(tierEndMs - nowMs)) }
  return { kind: 'hop', tier: chooseTier(remainingMs) }
}

/**
 * When a tier's record may be looked at: after the tier's delay, or as soon as memory may hold it until its attempt.
 * @param appendedMs when it was written to the topic
 */
export function ripeAtMs(appendedMs: number, tierDelayMs: number, notBeforeUs: number): number {
  return Math.min(appendedMs + tierDelayMs, notBeforeUs / 1_000 - longestHoldMs)
}
