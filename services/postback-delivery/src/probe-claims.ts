import { type DeliveryStateStore, deliveryStateKey } from '@millrace/catalog/delivery-state-store'
import type { BreakerProbe, DeliveryState } from '@millrace/proto'
import type { DeliveryStateWriter } from './delivery-state-writer.ts'

/**
 * Who makes the one probe of an open breaker: the first whose claim stands in the topic has it, until its time is over.
 * All instances read the topic in the same order, so they agree.
 */
export interface ProbeClaims {
  /**
   * `mine`: once, and only to the instance that has it; `asked`: the answer comes as a change; `taken`: another one has
   * it, or it is under way.
   */
  claim(queueKey: string, openings: number, leaseMs: number): 'mine' | 'asked' | 'taken'
  /** The breaker has closed: nobody needs to know any more. */
  end(queueKey: string): void
  /** Ends those whose time was over before, of breakers that are not open, and forgets questions without an answer. */
  sweep(beforeMs: number, isOpen: (queueKey: string) => boolean): void
  stop(): void
}

interface Claim {
  readonly openings: number
  readonly untilUs: number
  /** Asked for by this process, and not used up. */
  unused: boolean
}

interface Question {
  readonly openings: number
  readonly atMs: number
}

const prefix = deliveryStateKey.probe('')
/** A claim that does not come back was lost: it is asked for again. */
const answerMs = 5_000

export function createProbeClaims(
  deps: {
    readonly store: Pick<DeliveryStateStore, 'withPrefix' | 'onChange'>
    readonly writer: Pick<DeliveryStateWriter, 'put'>
    /** A question was answered. */
    readonly onAnswer: (queueKey: string) => void
    readonly now: () => number
  },
  instance: string,
): ProbeClaims {
  const claims = new Map<string, Claim>()
  const asked = new Map<string, Question>()

  const holds = (claim: Claim | undefined, openings: number, atUs: number): claim is Claim =>
    claim !== undefined && claim.openings === openings && claim.untilUs > atUs
  const hear = (
    queueKey: string,
    probe: BreakerProbe,
    { instance: by, writtenAtUs }: DeliveryState,
  ): void => {
    const question = asked.get(queueKey)
    const own = by === instance && question?.openings === probe.openings
    if (own) asked.delete(queueKey)
    if (!holds(claims.get(queueKey), probe.openings, writtenAtUs))
      claims.set(queueKey, { openings: probe.openings, untilUs: probe.untilUs, unused: own })
    if (own) deps.onAnswer(queueKey)
  }
  const apply = (key: string, state: DeliveryState | undefined): void => {
    if (!key.startsWith(prefix)) return
    const queueKey = key.slice(prefix.length)
    if (state?.state?.$case === 'probe') hear(queueKey, state.state.value, state)
    else claims.delete(queueKey)
  }
  for (const [key, state] of deps.store.withPrefix(prefix)) apply(key, state)
  const ignore = deps.store.onChange(apply)
  const end = (queueKey: string): void => deps.writer.put(deliveryStateKey.probe(queueKey), undefined)
  return {
    claim(queueKey, openings, leaseMs) {
      const nowMs = deps.now()
      const claim = claims.get(queueKey)
      if (holds(claim, openings, nowMs * 1_000)) {
        if (!claim.unused) return 'taken'
        claim.unused = false
        return 'mine'
      }
      const question = asked.get(queueKey)
      if (question?.openings === openings && nowMs - question.atMs < answerMs) return 'asked'
      asked.set(queueKey, { openings, atMs: nowMs })
      const value = { queueKey, openings, untilUs: Math.ceil((nowMs + leaseMs) * 1_000) }
      deps.writer.put(deliveryStateKey.probe(queueKey), { tenant: '', state: { $case: 'probe', value } })
      return 'asked'
    },
    end,
    sweep(beforeMs, isOpen) {
      for (const [key, { state }] of deps.store.withPrefix(prefix)) {
        const queueKey = key.slice(prefix.length)
        if (state?.$case !== 'probe' || state.value.untilUs >= beforeMs * 1_000) continue
        if (!isOpen(queueKey)) end(queueKey)
      }
      for (const [queueKey, { atMs }] of asked) if (atMs < beforeMs) asked.delete(queueKey)
    },
    stop: ignore,
  }
}
