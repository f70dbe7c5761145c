import type { AnnouncedWrites, ReadMark } from './announced-writes.ts'
import type { BoundedCache } from './bounded-cache.ts'
import type { Microseconds } from './time.ts'
import type { TouchScope } from './touch-log.ts'

/** How a read was answered. */
export type CacheOutcome = 'hit' | 'miss' | 'touched' | 'joined' | 'bypass' | 'stale'

/** What was computed, with the facts that an answer states. */
export interface Computed<Value> {
  readonly value: Value
  readonly bytes: number
  /** All events received before it are included. */
  readonly dataThroughUs: Microseconds
  /** Must not be given to anybody else: a meter whose past is still being counted. */
  readonly passing?: boolean
}

export interface Answered<Value> {
  readonly value: Value
  readonly dataThroughUs: Microseconds
  /** ClickHouse does not answer: `value` is of the time that `dataThroughUs` tells. */
  readonly stale: boolean
}

export interface CachedRead {
  readonly key: string
  readonly scope: TouchScope
  /** How long an answer may be given again though nothing was touched; a report until now grows old by itself. */
  readonly keepMs: number
  /** Whether an old answer is better than none. */
  readonly staleAllowed: boolean
}

export interface ReportCache<Value> {
  /** The answer from memory, if it lacks nothing that is known to be stored. */
  peek(key: string): Answered<Value> | undefined
  /** Takes in what was computed elsewhere, from what was read after the mark. */
  keep(read: CachedRead, mark: ReadMark, computed: Computed<Value>): void
  /** @throws what `compute` throws */
  read(read: CachedRead, compute: Compute<Value>): Promise<Answered<Value>>
}

/** Asks ClickHouse; `former` is what the key had before it was written to. */
export type Compute<Value> = (former: Value | undefined) => Promise<Computed<Value>>

export interface ReportCacheDeps<Value> {
  readonly store: BoundedCache<CacheEntry<Value>>
  readonly writes: AnnouncedWrites
  /** As it is known without asking ClickHouse. */
  readonly dataThrough: () => Microseconds | undefined
  readonly isUnavailable: (error: unknown) => boolean
  readonly count: (outcome: CacheOutcome) => void
  /** Of a clock that nobody sets. */
  readonly nowMs: () => number
}

export interface CacheEntry<Value> {
  readonly value: Value
  readonly scope: TouchScope
  readonly keepUntilMs: number
  /** These three move on with every look that found nothing touched. */
  mark: ReadMark
  trueAtMs: number
  dataThroughUs: Microseconds
}

interface Flight<Value> {
  readonly mark: ReadMark
  readonly result: Promise<Computed<Value>>
  /** Starts when this one has ended, for those who came too late for it. */
  next?: Promise<Answered<Value>>
}

/**
 * What a write under way has done so far need not be seen, and events that land all the time have some write under way all
 * the time. A write may hang half done, though: then it is asked again so often.
 */
const whileWrittenMs = 250

/**
 * Answers to reports, kept until a write to their meter and range is over. One question is under way for a key at a time;
 * who asks meanwhile shares it if no write was over since it began, and else the one that follows it: nobody gets rows
 * that were read before he asked and could miss what he knows to be stored.
 */
export function createReportCache<Value>(
  deps: ReportCacheDeps<Value>,
  { maxStaleMs }: { readonly maxStaleMs: number },
): ReportCache<Value> {
  const { store, writes, nowMs } = deps
  const flights = new Map<string, Flight<Value>>()

  const current = (key: string): Answered<Value> | undefined => {
    const entry = store.get(key)
    const now = nowMs()
    if (entry === undefined || entry.keepUntilMs < now) return undefined
    // Asked for first: what it includes was announced before it was told.
    const dataThroughUs = deps.dataThrough()
    if (dataThroughUs === undefined) return undefined
    const state = writes.stateOf(entry.scope, entry.mark)
    if (state === 'written') return undefined
    if (state === 'untouched') entry.trueAtMs = now
    else if (now - entry.trueAtMs > whileWrittenMs) return undefined
    entry.mark = writes.mark()
    // An aggregator whose clock was set back takes back what it said; so does this.
    entry.dataThroughUs = dataThroughUs
    return { value: entry.value, dataThroughUs, stale: false }
  }

  const keep = (read: CachedRead, mark: ReadMark, computed: Computed<Value>): void => {
    const { value, bytes, dataThroughUs, passing } = computed
    if (passing) return
    const now = nowMs()
    const entry = {
      value,
      scope: read.scope,
      keepUntilMs: now + read.keepMs,
      mark,
      trueAtMs: now,
      dataThroughUs,
    }
    store.set(read.key, entry, bytes)
  }

  const start = async (read: CachedRead, compute: Compute<Value>): Promise<Answered<Value>> => {
    const mark = writes.mark()
    const flight: Flight<Value> = { mark, result: compute(store.get(read.key)?.value) }
    flights.set(read.key, flight)
    try {
      const computed = await flight.result
      keep(read, mark, computed)
      return { value: computed.value, dataThroughUs: computed.dataThroughUs, stale: false }
    } finally {
      if (flights.get(read.key) === flight) flights.delete(read.key)
    }
  }

  /** Joins the question under way, or the one after it. */
  const share = (
    read: CachedRead,
    flight: Flight<Value>,
    compute: Compute<Value>,
  ): Promise<Answered<Value>> => {
    if (writes.stateOf(read.scope, flight.mark) !== 'written') {
      return flight.result.then(({ value, dataThroughUs }) => ({ value, dataThroughUs, stale: false }))
    }
    flight.next ??= flight.result.then(
      () => start(read, compute),
      () => start(read, compute),
    )
    return flight.next
  }

  const orStale = (read: CachedRead, error: unknown): Answered<Value> => {
    const entry = store.get(read.key)
    const usable = entry !== undefined && nowMs() - entry.trueAtMs <= maxStaleMs
    if (!usable || !read.staleAllowed || !deps.isUnavailable(error)) throw error
    deps.count('stale')
    return { value: entry.value, dataThroughUs: entry.dataThroughUs, stale: true }
  }

  return {
    peek: current,
    keep,
    async read(read, compute) {
      const found = current(read.key)
      if (found !== undefined) {
        deps.count('hit')
        return found
      }
      const flight = flights.get(read.key)
      const outcome = store.get(read.key) === undefined ? 'miss' : 'touched'
      deps.count(!writes.isCovered() ? 'bypass' : flight === undefined ? outcome : 'joined')
      try {
        return await (flight === undefined ? start(read, compute) : share(read, flight, compute))
      } catch (error) {
        return orStale(read, error)
      }
    },
  }
}
