const DELAYS_MS = [100, 200, 500, 1_000, 2_000, 5_000, 10_000]
const MAX_FAILURES_IN_A_ROW = 10
/** Ready for this long, a process has recovered: its next death counts as the first. */
const RECOVERED_AFTER_MS = 10_000

export type RestartBackoff = {
  /** Milliseconds to wait before the next start, or null when it has failed too often to try again. */
  delayAfterExit: (readyForMs: number) => number | null
}

export function createRestartBackoff(): RestartBackoff {
  let failuresInARow = 0
  return {
    delayAfterExit: (readyForMs) => {
      failuresInARow = readyForMs >= RECOVERED_AFTER_MS ? 1 : failuresInARow + 1
      if (failuresInARow > MAX_FAILURES_IN_A_ROW) return null
      return DELAYS_MS[Math.min(failuresInARow, DELAYS_MS.length) - 1] ?? null
    },
  }
}
