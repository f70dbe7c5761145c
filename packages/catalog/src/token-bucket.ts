/** Tokens that come back at a steady rate, up to one second's worth (at least one). Time is the caller's. */
export class TokenBucket {
  readonly perSecond: number
  readonly burst: number
  #tokens: number
  #atMs: number

  constructor(perSecond: number, nowMs: number) {
    this.perSecond = perSecond
    this.burst = Math.max(1, perSecond)
    this.#tokens = this.burst
    this.#atMs = nowMs
  }

  /** Takes all of them as soon as a whole one is there, be it into debt: a batch of any size gets its turn. */
  take(tokens: number, nowMs: number): boolean {
    if (this.level(nowMs) < 1) return false
    this.#tokens -= tokens
    return true
  }

  /** Takes them whatever is there. */
  charge(tokens: number, nowMs: number): void {
    this.level(nowMs)
    this.#tokens -= tokens
  }

  /** Tokens that are there; negative is debt. */
  level(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#atMs)
    this.#atMs = nowMs
    this.#tokens = Math.min(this.burst, this.#tokens + (elapsedMs / 1_000) * this.perSecond)
    return this.#tokens
  }
}
