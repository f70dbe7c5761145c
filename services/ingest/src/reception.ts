import type { Principal } from '@millrace/catalog/authenticate-key'
import { continueTrace, formatTraceparent, parseTraceparent } from '@millrace/service-kit/trace-context'
import type { Reception } from './read-event.ts'

/** What the receiver adds to the events of one request. */
export function createReception(
  deps: { readonly now: () => number; readonly newId: () => string },
  request: {
    readonly principal: Principal
    /** As it was sent. */
    readonly traceparent: string | undefined
    readonly fillIn: boolean
  },
): Reception {
  const { tenant, application, scopes } = request.principal
  return {
    tenant,
    application,
    backfill: scopes.has('events:backfill'),
    receivedAtUs: deps.now(),
    traceparent: formatTraceparent(continueTrace(request.traceparent)),
    continueTrace: (traceparent) =>
      parseTraceparent(traceparent) && formatTraceparent(continueTrace(traceparent)),
    fillIn: request.fillIn,
    newId: deps.newId,
  }
}
