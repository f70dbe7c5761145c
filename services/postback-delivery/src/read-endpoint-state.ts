import type { EndpointHold, GetEndpointStateResponse } from '@millrace/proto'
import type { BreakerView } from './breakers.ts'

/** How an endpoint is doing, as far as this instance knows. */
export function readEndpointState(
  endpoint: { readonly name: string; readonly body: { readonly enabled?: boolean } },
  seen: {
    readonly hold: EndpointHold | undefined
    readonly breaker: BreakerView
    readonly queue: { readonly waiting: number; readonly inFlight: number }
  },
): GetEndpointStateResponse {
  const { hold, breaker, queue } = seen
  return {
    endpoint: endpoint.name,
    enabled: endpoint.body.enabled !== false,
    hold,
    breaker: breaker.phase,
    failingSince: toTimestamp(breaker.failingSinceMs),
    openUntil: toTimestamp(breaker.openUntilMs),
    ...queue,
  }
}

function toTimestamp(ms: number) {
  if (ms === 0) return undefined
  const seconds = Math.floor(ms / 1_000)
  return { seconds, nanos: Math.round((ms - seconds * 1_000) * 1_000_000) }
}
