import type { Event } from '@millrace/proto'
import { within } from '@millrace/service-kit/deadline'
import { ServiceError } from '@millrace/service-kit/errors'
import type { AcceptEvents } from './accept-events.ts'
import type { StoredWatch } from './stored-watch.ts'
import { unconfirmed } from './unconfirmed.ts'

export interface AcceptRequestDeps {
  readonly acceptEvents: AcceptEvents
  readonly storedWatch: StoredWatch
}

/** What the caller of a request asks for beside its events. */
export interface RequestTerms {
  /** Milliseconds that are left for the answer. */
  readonly leftMs: number
  /** Wait until the events can be queried. */
  readonly untilStored: boolean
  /** Aborts when the caller has gone; asked for only when there is something to wait for. */
  readonly gone: () => AbortSignal
}

export interface AcceptedRequest {
  readonly ids: readonly string[]
  /** They can be queried; false also when nobody asked for it. */
  readonly stored: boolean
}

/**
 * Accepts the events of one request and waits as far as its caller asked for. When the wait for their storage runs
 * out, they are accepted all the same.
 * @throws {ServiceError} `invalid-request`, `too-large`, `unavailable`
 */
export async function acceptRequest(
  { acceptEvents, storedWatch }: AcceptRequestDeps,
  events: readonly Event[],
  { leftMs, untilStored, gone }: RequestTerms,
): Promise<AcceptedRequest> {
  const endMs = performance.now() + leftMs
  const { ids, positions } = await within(acceptEvents(events), leftMs, unconfirmed)
  if (!untilStored) return { ids, stored: false }
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), endMs - performance.now())
  try {
    return { ids, stored: await storedWatch.until(positions, AbortSignal.any([late.signal, gone()])) }
  } finally {
    clearTimeout(timer)
  }
}

/** @throws {ServiceError} for what cannot be waited for */
export function readWaitFor(wait: string | undefined): boolean {
  if (wait === undefined || wait === 'stored') return wait === 'stored'
  throw new ServiceError(
    'invalid-request',
    `wait can be "stored" only, not ${JSON.stringify(wait.slice(0, 64))}.`,
    { faults: [{ pointer: '/wait', detail: 'has to be "stored"' }] },
  )
}
