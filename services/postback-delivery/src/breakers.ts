import type { DeliveryStateStore } from '@millrace/catalog/delivery-state-store'
import type { BreakerState } from '@millrace/proto'
import { closedBreaker, createBreakerStates, type Receiver } from './breaker-states.ts'
import type { BreakerLimits } from './breaker-window.ts'
import type { DeliveryStateWriter } from './delivery-state-writer.ts'
import { createProbeClaims } from './probe-claims.ts'
import { createHealthBook, type ReceiverHealth } from './receiver-health.ts'

/** Whether a receiver's next request may be made. */
export type Gate =
  | 'go'
  /** One only, to see whether it is back. */
  | 'probe'
  /** Being asked of the other instances: `onChange` tells. */
  | 'asking'
  /** Not before that time, milliseconds since 1970; in the past while a probe is under way. */
  | { readonly untilMs: number }

/** What a request says of its receiver: it served, it answered at least, it failed. */
export type Health = 'good' | 'answered' | 'failed'

export interface BreakerView {
  readonly phase: 'closed' | 'open' | 'probing'
  /** Milliseconds since 1970; 0 when it is closed. */
  readonly openUntilMs: number
  /** 0 when the last thing known is a success. */
  readonly failingSinceMs: number
}

/** Keeps requests from receivers that keep failing. Its state is shared by all instances and outlives restarts. */
export interface Breakers {
  /** @param leaseMs how long a probe may take */
  gate(queueKey: string, leaseMs: number): Gate
  report(receiver: Receiver, health: Health, isProbe: boolean): void
  view(queueKey: string): BreakerView
  /** Those that are open. */
  open(): number
  /** Forgets what no longer counts; it does so by itself now and then. */
  sweep(): void
  stop(): void
}

export interface BreakersConfig extends BreakerLimits {
  /** The first opening; each further one without an answer is twice as long, up to `longestOpenMs`. */
  readonly openMs: number
  readonly longestOpenMs: number
}

export interface BreakersDeps {
  readonly store: Pick<DeliveryStateStore, 'withPrefix' | 'onChange'>
  readonly writer: Pick<DeliveryStateWriter, 'put'>
  /** A gate may answer otherwise now. */
  readonly onChange: (queueKey: string) => void
  readonly onTransition: (to: 'open' | 'closed') => void
  /** Whether there is such an endpoint. */
  readonly hasEndpoint: (tenant: string, endpoint: string) => boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From [0, 1). */
  readonly random: () => number
}

/** A receiver that fails for longer is told of, so that the time counts over restarts. */
const tellFailingAfterMs = 60_000
const jitter = 0.1
const sweepMs = 60_000
/** So long after an opening's end nobody asks for the receiver: deliveries are put off for half of it at most. */
const forgottenMs = 60 * 60 * 1_000

export function createBreakers(deps: BreakersDeps, config: BreakersConfig, instance: string): Breakers {
  const book = createHealthBook(config, deps.now)
  // Origins of postbacks are without number: only of registered endpoints anything is kept for long.
  const lasts = ({ tenant, endpoint }: Receiver): boolean =>
    endpoint !== '' && deps.hasEndpoint(tenant, endpoint)
  const claims = createProbeClaims({ ...deps, onAnswer: deps.onChange }, instance)
  const hear = (receiver: Receiver, state: BreakerState | undefined): void => {
    const own = book.known(receiver.queueKey)
    if (own !== undefined && state === undefined) {
      // An instance has seen it answer.
      own.failingSinceMs = 0
      own.window.reset()
    } else if (own !== undefined && state !== undefined && state.failingSinceUs > 0) {
      // Who told it could not know of this instance's success.
      if (own.goodMs * 1_000 > state.failingSinceUs) states.tell(receiver, { ...state, failingSinceUs: 0 })
    }
    deps.onChange(receiver.queueKey)
  }
  const states = createBreakerStates({ ...deps, onHeard: hear })

  const open = (receiver: Receiver, openings: number, own: ReceiverHealth): void => {
    const forMs = Math.min(config.longestOpenMs, config.openMs * 2 ** Math.min(30, openings - 1))
    const untilMs = deps.now() + forMs * (1 + jitter * deps.random())
    own.window.reset()
    deps.onTransition('open')
    const openUntilUs = Math.ceil(untilMs * 1_000)
    states.tell(receiver, {
      openUntilUs,
      openings,
      failingSinceUs: toldSinceUs(receiver, own.failingSinceMs),
    })
  }
  const close = (receiver: Receiver, failingSinceMs: number, own: ReceiverHealth): void => {
    own.window.reset()
    deps.onTransition('closed')
    claims.end(receiver.queueKey)
    states.tell(receiver, { ...closedBreaker, failingSinceUs: toldSinceUs(receiver, failingSinceMs) })
  }
  const reportGood = (receiver: Receiver, isProbe: boolean, own: ReceiverHealth): void => {
    const before = states.get(receiver.queueKey)
    own.failingSinceMs = 0
    own.goodMs = deps.now()
    if (before.openUntilUs > 0 && isProbe) close(receiver, 0, own)
    // What was sent before it opened says nothing of what came after.
    else if (before.failingSinceUs > 0) states.tell(receiver, { ...before, failingSinceUs: 0 })
  }
  const reportBad = (receiver: Receiver, failed: boolean, isProbe: boolean, own: ReceiverHealth): void => {
    const nowMs = deps.now()
    const before = states.get(receiver.queueKey)
    const isOpen = before.openUntilUs > 0
    own.failingSinceMs ||= before.failingSinceUs / 1_000 || nowMs
    if (isProbe && !failed) close(receiver, own.failingSinceMs, own)
    else if (isProbe || (!isOpen && own.window.isFailing(nowMs))) open(receiver, before.openings + 1, own)
    else if (before.failingSinceUs === 0 && nowMs - own.failingSinceMs >= tellFailingAfterMs) {
      const failingSinceUs = toldSinceUs(receiver, own.failingSinceMs)
      if (failingSinceUs > 0) states.tell(receiver, { ...before, failingSinceUs })
    }
  }
  const sweep = (): void => {
    const beforeMs = deps.now() - forgottenMs
    book.sweep(lasts)
    states.sweep(beforeMs, lasts)
    claims.sweep(beforeMs, (queueKey) => states.get(queueKey).openUntilUs > 0)
  }
  const sweeping = setInterval(sweep, sweepMs)
  sweeping.unref()

  return {
    gate(queueKey, leaseMs) {
      const { openUntilUs, openings } = states.get(queueKey)
      if (openUntilUs === 0) return 'go'
      const untilMs = openUntilUs / 1_000
      if (untilMs > deps.now()) return { untilMs }
      const claim = claims.claim(queueKey, openings, leaseMs)
      if (claim === 'mine') return 'probe'
      return claim === 'asked' ? 'asking' : { untilMs }
    },
    report(receiver, health, isProbe) {
      const own = book.of(receiver)
      own.window.add(health === 'failed', deps.now())
      if (health === 'good') reportGood(receiver, isProbe, own)
      else reportBad(receiver, health === 'failed', isProbe, own)
    },
    view(queueKey) {
      const { openUntilUs, failingSinceUs } = states.get(queueKey)
      const openUntilMs = openUntilUs / 1_000
      const phase = openUntilMs === 0 ? 'closed' : openUntilMs > deps.now() ? 'open' : 'probing'
      const failingSinceMs = failingSinceUs / 1_000 || (book.known(queueKey)?.failingSinceMs ?? 0)
      return { phase, openUntilMs, failingSinceMs }
    },
    open: states.open,
    sweep,
    stop() {
      clearInterval(sweeping)
      claims.stop()
      states.stop()
    },
  }
}

/** Only endpoints are disabled for having failed for long. */
function toldSinceUs({ endpoint }: Receiver, failingSinceMs: number): number {
  return endpoint === '' ? 0 : Math.round(failingSinceMs * 1_000)
}
