import { steadyMs } from './time.ts'

/** Writes to the tables that reports read, as the aggregators announce them. Sequence numbers grow with each step. */
export interface TouchLog {
  /** A write begins: what it touches cannot be told from memory until it is over. */
  begin(stream: string, number: number, ranges: readonly TouchRange[]): void
  end(stream: string, number: number): void
  /** Forgets the writes of a stream that broke; what they touched is for the caller to distrust. */
  drop(stream: string): void
  scope(meter: MeterVersion, minutes: MinuteRange): TouchScope
  sequence(): number
  /** That are remembered, of all meters together. */
  ranges(): number
  /** What became since then of rows that were read after `since`. */
  stateOf(scope: TouchScope, since: number): TouchState
}

/**
 * `untouched`: they are what ClickHouse would give now. `being-written`: it may give what a write that is not over has done
 * so far. `written`: they lack a write that is over.
 */
export type TouchState = 'untouched' | 'being-written' | 'written'

export interface MinuteRange {
  /** Minutes since 1970, half-open. */
  readonly fromMinute: number
  readonly toMinute: number
}

export interface MeterVersion {
  readonly tenant: string
  readonly meter: string
  readonly version: number
}

/** An empty meter stands for all of the tenant, version 0 for all of the meter. */
export type TouchRange = MeterVersion & MinuteRange

/** Minutes of one version of a meter, with the books that tell of them. */
export interface TouchScope extends MinuteRange {
  readonly books: readonly TouchBook[]
}

interface OverRange extends MinuteRange {
  readonly sequence: number
}

/** What is known of one version of a meter. */
interface TouchBook {
  /** By stream and number. */
  readonly underWay: Map<string, MinuteRange[]>
  /** In the order in which they were over. */
  over: OverRange[]
  /** So many ranges are looked through for what can be said with fewer. */
  compactAt: number
  /** Older ones are forgotten: whatever was read before it counts as touched. */
  forgotten: number
  /** The round in which a report last asked for it. */
  readIn: number
}

const fewOver = 256
const maxOver = 8_192
const roundMs = 3_600_000

/** Books by name. Those that no report asked for in this round or the one before it are idle. */
function createBooks(nowMs: () => number) {
  const books = new Map<string, TouchBook>()
  let round = 0
  let roundSinceMs = nowMs()
  /** By the latest book that was dropped; whether a new one follows it is not known. */
  let forgotten = 0
  const isIdle = (book: TouchBook): boolean => round - book.readIn > 1
  return {
    isIdle,
    of(tenant: string, meter: string, version: number): TouchBook {
      const key = JSON.stringify([tenant, meter, version])
      let book = books.get(key)
      if (book === undefined) {
        book = { underWay: new Map(), over: [], compactAt: fewOver, forgotten, readIn: -Infinity }
        books.set(key, book)
      }
      return book
    },
    isRead(book: TouchBook): void {
      book.readIn = round
    },
    /** Now and then: of meters, versions and tenants that nobody asks for any more nothing stays. */
    dropIdle(sequence: number): void {
      if (nowMs() - roundSinceMs < roundMs) return
      roundSinceMs = nowMs()
      round += 1
      for (const [key, book] of books) {
        if (!isIdle(book) || book.underWay.size > 0) continue
        books.delete(key)
        // Kept answers may still hold it, and it hears of nothing any more.
        book.forgotten = Infinity
        book.over = []
        forgotten = sequence
      }
    },
    ranges: () => [...books.values()].reduce((sum, { over }) => sum + over.length, 0),
  }
}

export function createTouchLog(nowMs: () => number = steadyMs): TouchLog {
  const books = createBooks(nowMs)
  const writes = new Map<string, Map<number, TouchBook[]>>()
  let sequence = 0
  const readBook = (tenant: string, meter: string, version: number): TouchBook => {
    const book = books.of(tenant, meter, version)
    books.isRead(book)
    return book
  }
  return {
    begin(stream, number, ranges) {
      sequence += 1
      books.dropIdle(sequence)
      const id = writeId(stream, number)
      const touched = new Set<TouchBook>()
      for (const { tenant, meter, version, fromMinute, toMinute } of ranges) {
        const book = books.of(tenant, meter, version)
        const own = book.underWay.get(id) ?? []
        own.push({ fromMinute, toMinute })
        book.underWay.set(id, own)
        touched.add(book)
      }
      const known = writes.get(stream) ?? new Map<number, TouchBook[]>()
      writes.set(stream, known)
      known.set(number, [...touched])
    },
    end(stream, number) {
      sequence += 1
      const id = writeId(stream, number)
      for (const book of writes.get(stream)?.get(number) ?? []) {
        if (books.isIdle(book)) forget(book, sequence)
        else for (const range of book.underWay.get(id) ?? []) remember(book, range, sequence)
        book.underWay.delete(id)
      }
      writes.get(stream)?.delete(number)
    },
    drop(stream) {
      sequence += 1
      for (const [number, touched] of writes.get(stream) ?? []) {
        for (const book of touched) book.underWay.delete(writeId(stream, number))
      }
      writes.delete(stream)
    },
    scope: ({ tenant, meter, version }, { fromMinute, toMinute }) => ({
      fromMinute,
      toMinute,
      books: [readBook(tenant, meter, version), readBook(tenant, meter, 0), readBook(tenant, '', 0)],
    }),
    sequence: () => sequence,
    ranges: books.ranges,
    stateOf(scope, since) {
      for (const book of scope.books) books.isRead(book)
      if (scope.books.some((book) => isWritten(book, scope, since))) return 'written'
      return scope.books.some((book) => isBeingWritten(book, scope)) ? 'being-written' : 'untouched'
    },
  }
}

function writeId(stream: string, number: number): string {
  return `${number} ${stream}`
}

function isBeingWritten({ underWay }: TouchBook, range: MinuteRange): boolean {
  for (const ranges of underWay.values()) {
    if (ranges.some((own) => intersects(own, range))) return true
  }
  return false
}

function isWritten(book: TouchBook, range: MinuteRange, since: number): boolean {
  if (since < book.forgotten) return true
  for (let at = book.over.length - 1; at >= 0; at -= 1) {
    const own = book.over[at] as OverRange
    if (own.sequence <= since) return false
    if (intersects(own, range)) return true
  }
  return false
}

function intersects(a: MinuteRange, b: MinuteRange): boolean {
  return a.fromMinute < b.toMinute && b.fromMinute < a.toMinute
}

/** Nobody who read before can tell from it; nobody did. */
function forget(book: TouchBook, sequence: number): void {
  book.over = []
  book.forgotten = sequence
}

/**
 * Live traffic touches the same few minutes again and again: of equal ranges the last one says it all. Where many differ,
 * those of the same hours become one: most reports are made of whole hours, to which that is the same.
 */
function remember(book: TouchBook, { fromMinute, toMinute }: MinuteRange, sequence: number): void {
  book.over.push({ fromMinute, toMinute, sequence })
  if (book.over.length <= book.compactAt) return
  let kept = joinRanges(book.over, (own) => `${own.fromMinute}-${own.toMinute}`)
  if (kept.length > fewOver / 2) {
    kept = joinRanges(kept, (own) => `${Math.floor(own.fromMinute / 60)}-${Math.ceil(own.toMinute / 60)}`)
  }
  const surplus = kept.splice(0, Math.max(0, kept.length - maxOver / 2))
  book.over = kept
  book.compactAt = Math.max(fewOver, 2 * kept.length)
  book.forgotten = surplus.at(-1)?.sequence ?? book.forgotten
}

/** Ranges of one key become the one that holds them all, as late as the last of them; the order stays that of time. */
function joinRanges(ranges: readonly OverRange[], keyOf: (range: OverRange) => string): OverRange[] {
  const joined = new Map<string, OverRange>()
  for (const range of ranges) {
    const key = keyOf(range)
    const { fromMinute, toMinute } = joined.get(key) ?? range
    // Moves to the end.
    joined.delete(key)
    joined.set(key, {
      fromMinute: Math.min(fromMinute, range.fromMinute),
      toMinute: Math.max(toMinute, range.toMinute),
      sequence: range.sequence,
    })
  }
  return [...joined.values()]
}
