import type { Principal } from '@millrace/catalog/authenticate-key'
import { allowsSubject, allowsType } from '@millrace/catalog/key-constraints'
import type { KeyLimits } from '@millrace/catalog/key-usage'
import type { Event } from '@millrace/proto'
import { type Fault, ServiceError } from '@millrace/service-kit/errors'
import type { RateLimitAnswer } from '@millrace/service-kit/rate-limit-http'

/**
 * Lets a request's events in as far as its key goes: none when one is outside its constraints. A request has taken one
 * token by now; the others are taken here, whatever is left, so that a batch gets its turn and the next one waits.
 * @throws {ServiceError} `forbidden`
 */
export function admitEvents(
  limits: KeyLimits,
  principal: Principal,
  events: readonly Event[],
): RateLimitAnswer | undefined {
  checkConstraints(principal, events)
  return chargeEvents(limits, principal, events.length)
}

/** Takes the tokens of a request's events, of which its own is one. */
export function chargeEvents(
  limits: KeyLimits,
  principal: Principal,
  events: number,
): RateLimitAnswer | undefined {
  return events > 1 ? limits.charge(principal, events - 1) : undefined
}

function checkConstraints({ constraints }: Principal, events: readonly Event[]): void {
  if (constraints === undefined) return
  const faults: Fault[] = []
  for (const [index, { type, subject }] of events.entries()) {
    if (!allowsType(constraints, type)) {
      const allowed = constraints.eventTypes?.join(', ')
      faults.push({ index, pointer: '/type', detail: `is not a type that the key may write: ${allowed}` })
    }
    if (!allowsSubject(constraints, subject)) {
      const allowed = constraints.subjects?.join(', ')
      faults.push({
        index,
        pointer: '/subject',
        detail: `is not a subject that the key may write: ${allowed}`,
      })
    }
    if (faults.length >= maxFaults) break
  }
  const [first] = faults
  if (first === undefined) return
  throw new ServiceError(
    'forbidden',
    `Nothing was accepted: event ${first.index} ${first.pointer} ${first.detail}.`,
    { faults },
  )
}

/** Nobody reads more. */
const maxFaults = 100
