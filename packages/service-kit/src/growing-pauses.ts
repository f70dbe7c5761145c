/** How long what fails is left alone: each failure in a row doubles it. */
export interface GrowingPauses {
  /** @returns milliseconds of its pause */
  failed(key: string): number
  /** The next failure is the first again. */
  succeeded(key: string): void
  isPaused(key: string): boolean
  /** Milliseconds until the first of the pauses ends; infinite without any. */
  untilNextMs(): number
}

export interface GrowingPausesOptions {
  readonly firstMs: number
  readonly longestMs: number
  /** Milliseconds, from anywhere. */
  readonly now: () => number
}

export function createGrowingPauses({ firstMs, longestMs, now }: GrowingPausesOptions): GrowingPauses {
  const pauses = new Map<string, { readonly ms: number; readonly endsAt: number }>()
  const isPaused = (key: string): boolean => (pauses.get(key)?.endsAt ?? Number.NEGATIVE_INFINITY) > now()
  return {
    failed(key) {
      const before = pauses.get(key)?.ms
      const ms = before === undefined ? firstMs : Math.min(2 * before, longestMs)
      pauses.set(key, { ms, endsAt: now() + ms })
      return ms
    },
    succeeded: (key) => void pauses.delete(key),
    isPaused,
    untilNextMs() {
      const ends = [...pauses.keys()].filter(isPaused).map((key) => pauses.get(key)?.endsAt ?? 0)
      return Math.min(...ends) - now()
    },
  }
}
