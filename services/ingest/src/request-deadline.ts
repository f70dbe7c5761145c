import { ServiceError } from '@millrace/service-kit/errors'

/** Until when a request is worked on. */
export interface Deadline {
  /** Milliseconds that are left. @throws {ServiceError} `unavailable` when there are none */
  leftMs(): number
}

const wait = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=[;,]|$)/i

/** Milliseconds that a caller is ready to wait: `Prefer: wait=<seconds>` (RFC 7240, section 4.3). */
export function readPreferredWait(prefer: string | string[] | undefined): number | undefined {
  if (prefer === undefined) return undefined
  const seconds = wait.exec(String(prefer))?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1_000
}

/**
 * Begins now, which is when the request has come so far that its caller's clock runs.
 * @param callerMs what the caller gives, which only ever shortens our own time-out
 */
export function startDeadline(callerMs: number | undefined, now = () => performance.now()): Deadline {
  const endMs = callerMs === undefined ? Number.POSITIVE_INFINITY : now() + callerMs
  return {
    leftMs() {
      const leftMs = endMs - now()
      if (leftMs > 0) return leftMs
      throw new ServiceError(
        'unavailable',
        'The time that the request gave was over before it could be worked on; nothing was accepted. Send it again, with more time.',
      )
    },
  }
}
