import type { DisableEndpoint, EndpointVersion } from './disable-endpoint.ts'

/** What an attempt has shown of a registered endpoint. */
export interface EndpointSeen extends EndpointVersion {
  readonly queueKey: string
  /** When somebody changed it last: milliseconds since 1970. */
  readonly changedAtMs: number
  readonly result: 'good' | 'bad' | 'gone'
}

/** Disables the endpoint when it asked for no more, or has failed for so long that nobody can be there. */
export type WatchEndpoint = (seen: EndpointSeen) => Promise<void>

export function createEndpointWatch(
  deps: {
    readonly disable: DisableEndpoint
    /** Milliseconds since 1970; 0 when the last thing known is a success. */
    readonly failingSinceMs: (queueKey: string) => number
    /** Milliseconds since 1970. */
    readonly now: () => number
  },
  { disableAfterMs }: { readonly disableAfterMs: number },
): WatchEndpoint {
  return async (seen) => {
    if (seen.result === 'gone') return await deps.disable(seen, 'it answered 410 Gone')
    if (seen.result === 'good') return
    const failingSinceMs = deps.failingSinceMs(seen.queueKey)
    // Who changes or enables it gives it another chance.
    const sinceMs = Math.max(failingSinceMs, seen.changedAtMs)
    if (failingSinceMs === 0 || deps.now() - sinceMs < disableAfterMs) return
    const since = new Date(failingSinceMs).toISOString()
    await deps.disable(seen, `nothing but failures since ${since}`)
  }
}
