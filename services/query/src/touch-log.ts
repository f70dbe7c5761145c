/** Writes to the tables that reports read, as the aggregators announce them. Sequence numbers grow with each step. */
export interface TouchLog {
  /** A write begins: what it touches cannot be told from memory until it is over. */
  begin(stream: string, number: number, ranges: readonly TouchRange[]): void
  end(stream: string, number: number): void
  /** Forgets the writes of a stream that broke; what they touched is for the caller to distrust. */
  drop(stream: string): void
  scope(meter: MeterVersion, minutes: MinuteRange): TouchScope
  sequence(): number
  /** Whether rows that were read after `since` are still what ClickHouse would give now. */
  isUntouched(scope: TouchScope, since: number): boolean
}

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
  /** Older ones are forgotten: whatever was read before it counts as touched. */
  forgotten: number
}

const maxOver = 8_192

export function createTouchLog(): TouchLog {
  const books = new Map<string, TouchBook>()
  const writes = new Map<string, Map<number, TouchBook[]>>()
  let sequence = 0
  const bookOf = (tenant: string, meter: string, version: number): TouchBook => {
    const key = JSON.stringify([tenant, meter, version])
    const book = books.get(key) ?? { underWay: new Map(), over: [], forgotten: 0 }
    books.set(key, book)
    return book
  }
  return {
    begin(stream, number, ranges) {
      sequence += 1
      const id = writeId(stream, number)
      const touched = new Set<TouchBook>()
      for (const { tenant, meter, version, fromMinute, toMinute } of ranges) {
        const book = bookOf(tenant, meter, version)
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
        for (const range of book.underWay.get(id) ?? []) remember(book, range, sequence)
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
      books: [bookOf(tenant, meter, version), bookOf(tenant, meter, 0), bookOf(tenant, '', 0)],
    }),
    sequence: () => sequence,
    isUntouched: (scope, since) => scope.books.every((book) => isUntouched(book, scope, since)),
  }
}

function writeId(stream: string, number: number): string {
  return `${number} ${stream}`
}

function isUntouched(book: TouchBook, range: MinuteRange, since: number): boolean {
  if (since < book.forgotten) return false
  for (const ranges of book.underWay.values()) {
    if (ranges.some((own) => intersects(own, range))) return false
  }
  for (let at = book.over.length - 1; at >= 0; at -= 1) {
    const own = book.over[at] as OverRange
    if (own.sequence <= since) return true
    if (intersects(own, range)) return false
  }
  return true
}

function intersects(a: MinuteRange, b: MinuteRange): boolean {
  return a.fromMinute < b.toMinute && b.fromMinute < a.toMinute
}

/** Live traffic touches the same few minutes again and again: of equal ranges the last one says it all. */
function remember(book: TouchBook, { fromMinute, toMinute }: MinuteRange, sequence: number): void {
  book.over.push({ fromMinute, toMinute, sequence })
  if (book.over.length <= maxOver) return
  const last = new Map(book.over.map((own) => [`${own.fromMinute}-${own.toMinute}`, own]))
  const kept = [...last.values()].sort((a, b) => a.sequence - b.sequence)
  const surplus = kept.splice(0, Math.max(0, kept.length - maxOver / 2))
  book.over = kept
  book.forgotten = surplus.at(-1)?.sequence ?? book.forgotten
}
