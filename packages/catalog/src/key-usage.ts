import type { KeyUsage } from '@millrace/proto'
import type { RateLimitAnswer } from '@millrace/service-kit/rate-limit-http'
import type { Principal } from './authenticate-key.ts'
import { TokenBucket } from './token-bucket.ts'

/** What requests ask of a key's limit. */
export interface KeyLimits {
  /**
   * Takes tokens of the principal's limit if it is not used up.
   * @returns undefined when the principal has no limit
   */
  take(principal: Principal, tokens: number): RateLimitAnswer | undefined
  /** Takes tokens for what was admitted already and turned out larger: the next requests wait for it. */
  charge(principal: Principal, tokens: number): RateLimitAnswer | undefined
}

/** How keys are used: here, and as other instances tell. */
export interface KeyUsageBook extends KeyLimits {
  /** Microseconds since 1970; undefined when no use is known. */
  lastUsedAtUs(keyId: string): number | undefined
  /** What has to be told to the other instances; each taking is handed out once. */
  collect(): KeyUsage[]
  /** Takes back what could not be told. */
  restore(untold: readonly KeyUsage[]): void
  /** @param taken whether its takings count: not those that are long past */
  apply(usage: KeyUsage, taken: boolean): void
}

/** A last use is told this often; takings as often as `collect` is called. */
const tellUseEveryMs = 10_000
/** Takings are told within a fraction of it. */
const lateMs = 1_000

/** @param instance this process' own id, new at each start */
export function createKeyUsageBook(instance: string, nowMs: () => number = Date.now): KeyUsageBook {
  const entries = new Map<string, Entry>()
  /** Entries with something to tell. */
  const used = new Set<Entry>()
  const entryOf = (tenant: string, keyId: string, perSecond: number): Entry => {
    const entry = entries.get(keyId) ?? new Entry(tenant, keyId)
    entries.set(keyId, entry)
    entry.limitTo(perSecond, nowMs())
    return entry
  }
  const use = (principal: Principal, tokens: number, asked: boolean): RateLimitAnswer | undefined => {
    const { tenant, keyId, rateLimit } = principal
    if (keyId === undefined) return undefined
    const entry = entryOf(tenant, keyId, rateLimit?.perSecond ?? 0)
    used.add(entry)
    return entry.use(tokens, asked, nowMs())
  }
  return {
    take: (principal, tokens) => use(principal, tokens, true),
    charge: (principal, tokens) => use(principal, tokens, false),
    lastUsedAtUs(keyId) {
      const lastUsedMs = entries.get(keyId)?.lastUsedMs ?? 0
      return lastUsedMs === 0 ? undefined : lastUsedMs * 1_000
    },
    collect() {
      const due = [...used].filter((entry) => entry.isDue())
      for (const entry of due) used.delete(entry)
      return due.map((entry) => entry.tell(instance))
    },
    restore(untold) {
      for (const { tenant, keyId, taken, perSecond } of untold) {
        const entry = entryOf(tenant, keyId, perSecond)
        entry.restore(taken)
        used.add(entry)
      }
    },
    apply({ tenant, keyId, instance: by, taken: tokens, lastUsedAtUs, perSecond }, taken) {
      const entry = entryOf(tenant, keyId, perSecond)
      entry.lastUsedMs = Math.max(entry.lastUsedMs, lastUsedAtUs / 1_000)
      if (taken && by !== instance) entry.charge(tokens, lastUsedAtUs / 1_000, nowMs())
    },
  }
}

/** How one key is used. */
class Entry {
  readonly tenant: string
  readonly keyId: string
  bucket: TokenBucket | undefined
  /** Here or elsewhere; 0 when it never was. */
  lastUsedMs = 0
  /** Tokens that were taken here and are not told yet. */
  #untold = 0
  #toldMs = 0

  constructor(tenant: string, keyId: string) {
    this.tenant = tenant
    this.keyId = keyId
  }

  /** @param perSecond 0 for no limit */
  limitTo(perSecond: number, now: number): void {
    if (perSecond > 0 && this.bucket?.perSecond !== perSecond) this.bucket = new TokenBucket(perSecond, now)
  }

  /** @param asked whether it may be refused */
  use(tokens: number, asked: boolean, now: number): RateLimitAnswer | undefined {
    this.lastUsedMs = now
    if (this.bucket === undefined) return undefined
    const admitted = !asked || this.bucket.take(tokens, now)
    if (!asked) this.bucket.charge(tokens, now)
    if (admitted) this.#untold += tokens
    return toAnswer(this.bucket, admitted, now)
  }

  /** What others took at `usedMs`. After a while it is mostly back, and leaves no debt: an outage would be its length. */
  charge(tokens: number, usedMs: number, now: number): void {
    if (this.bucket === undefined) return
    const left = Math.max(0, this.bucket.level(now))
    this.bucket.charge(now - usedMs > lateMs ? Math.min(tokens, left) : tokens, now)
  }

  isDue(): boolean {
    return this.#untold > 0 || this.lastUsedMs - this.#toldMs >= tellUseEveryMs
  }

  tell(instance: string): KeyUsage {
    const taken = this.#untold
    this.#untold = 0
    this.#toldMs = this.lastUsedMs
    return {
      tenant: this.tenant,
      keyId: this.keyId,
      instance,
      taken,
      lastUsedAtUs: this.lastUsedMs * 1_000,
      perSecond: this.bucket?.perSecond ?? 0,
    }
  }

  /** What was taken through an outage is long back in the bucket: told all at once it would stop the others. */
  restore(taken: number): void {
    this.#untold = Math.max(this.#untold, Math.min(this.#untold + taken, this.bucket?.burst ?? 0))
    this.#toldMs = 0
  }
}

function toAnswer(bucket: TokenBucket, admitted: boolean, nowMs: number): RateLimitAnswer {
  const level = bucket.level(nowMs)
  const quota = Math.floor(bucket.burst)
  return {
    admitted,
    quota,
    windowSeconds: Math.ceil(quota / bucket.perSecond),
    remaining: Math.max(0, Math.floor(level)),
    resetSeconds: Math.ceil((bucket.burst - level) / bucket.perSecond),
    retryAfterSeconds: Math.max(1, Math.ceil((1 - level) / bucket.perSecond)),
  }
}
