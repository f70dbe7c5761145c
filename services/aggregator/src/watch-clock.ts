/** Tells when the machine's clock was set: it and the time that only runs on drift apart at once. */
export interface ClockWatch {
  /** To be called regularly. */
  check(): void
}

interface Deps {
  /** Milliseconds since 1970, which may jump. */
  readonly now: () => number
  /** Milliseconds that only run on; stand still while the process is stopped or run on with the clock. */
  readonly monotonicMs: () => number
  /** @param byMs negative when it went back */
  readonly onJump: (byMs: number) => void
}

/** Slewing and rounding stay below. */
const toleratedMs = 1_000

export function createClockWatch({ now, monotonicMs, onJump }: Deps): ClockWatch {
  let offsetMs = now() - monotonicMs()
  return {
    check() {
      const presentMs = now() - monotonicMs()
      const byMs = Math.round(presentMs - offsetMs)
      // A slow drift is followed.
      offsetMs = presentMs
      if (Math.abs(byMs) > toleratedMs) onJump(byMs)
    },
  }
}
