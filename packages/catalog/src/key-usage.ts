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

interface Entry {
  readonly tenant: string
  readonly keyId: string
  bucket: TokenBucket | undefined
  /** Tokens that were taken here and are not told yet. */
  untold: number
  /** Here or elsewhere. */
  lastUsedMs: number
  toldMs: number
}

/** @param instance this process' own id, new at each start */
export function createKeyUsageBook(instance: string, nowMs: () => number = Date.now): KeyUsageBook {
  const entries = new Map<string, Entry>()
  /** Entries with something to tell. */
  const used = new Set<Entry>()
  const entryOf = (tenant: string, keyId: string, perSecond: number): Entry => {
    let entry = entries.get(keyId)
    if (entry === undefined) {
      entry = { tenant, keyId, bucket: undefined, untold: 0, lastUsedMs: 0, toldMs: 0 }
      entries.set(keyId, entry)
    }
    if (perSecond > 0 && entry.bucket?.perSecond !== perSecond) {
      entry.bucket = new TokenBucket(perSecond, nowMs())
    }
    return entry
  }
  const use = (
    { tenant, keyId, rateLimit }: Principal,
    tokens: number,
    admit: (bucket: TokenBucket, now: number) => boolean,
  ): RateLimitAnswer | undefined => {
    if (keyId === undefined) return undefined
    const entry = entryOf(tenant, keyId, rateLimit?.perSecond ?? 0)
    const now = nowMs()
    entry.lastUsedMs = now
    used.add(entry)
    if (rateLimit === undefined || entry.bucket === undefined) return undefined
    const admitted = admit(entry.bucket, now)
    if (admitted) entry.untold += tokens
    return toAnswer(entry.bucket, admitted, now)
  }
  return {
    take: (principal, tokens) => use(principal, tokens, (bucket, now) => bucket.take(tokens, now)),
    charge: (principal, tokens) =>
      use(principal, tokens, (bucket, now) => {
        bucket.charge(tokens, now)
        return true
      }),
    lastUsedAtUs(keyId) {
      const lastUsedMs = entries.get(keyId)?.lastUsedMs ?? 0
      return lastUsedMs === 0 ? undefined : lastUsedMs * 1_000
    },
    collect() {
      const due = [...used].filter(
        ({ untold, lastUsedMs, toldMs }) => untold > 0 || lastUsedMs - toldMs >= tellUseEveryMs,
      )
      return due.map((entry) => {
        const usage = toUsage(entry, instance)
        entry.untold = 0
        entry.toldMs = entry.lastUsedMs
        used.delete(entry)
        return usage
      })
    },
    restore(untold) {
      for (const { tenant, keyId, taken, perSecond } of untold) {
        const entry = entryOf(tenant, keyId, perSecond)
        entry.untold += taken
        entry.toldMs = 0
        used.add(entry)
      }
    },
    apply({ tenant, keyId, instance: by, taken: tokens, lastUsedAtUs, perSecond }, taken) {
      const entry = entryOf(tenant, keyId, perSecond)
      entry.lastUsedMs = Math.max(entry.lastUsedMs, lastUsedAtUs / 1_000)
      if (taken && by !== instance) entry.bucket?.charge(tokens, nowMs())
    },
  }
}

function toUsage({ tenant, keyId, bucket, untold, lastUsedMs }: Entry, instance: string): KeyUsage {
  return {
    tenant,
    keyId,
    instance,
    taken: untold,
    lastUsedAtUs: lastUsedMs * 1_000,
    perSecond: bucket?.perSecond ?? 0,
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
