/** Offsets of one partition, both ends included. */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

/** What stands beside a committed offset: the range that is being inserted. */
export interface PendingRange extends OffsetRange {
  /** Next offset of millrace.catalog when the range was judged. */
  readonly catalog: number
}

export function formatPending({ from, to, catalog }: PendingRange): string {
  return JSON.stringify({ pending: [from, to], catalog })
}

/** @returns undefined without a pending range; metadata that somebody else wrote counts as none */
export function parsePending(metadata: string | null | undefined): PendingRange | undefined {
  if (metadata === undefined || metadata === null || metadata === '') return undefined
  try {
    const { pending, catalog } = JSON.parse(metadata) as { pending?: unknown; catalog?: unknown }
    if (!Array.isArray(pending) || pending.length !== 2) return undefined
    const [from, to] = pending as [unknown, unknown]
    if (!isOffset(from) || !isOffset(to) || from > to) return undefined
    return { from, to, catalog: isOffset(catalog) ? catalog : 0 }
  } catch {
    return undefined
  }
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** The same for every insert of the range, whoever makes it and however often. */
export function deduplicationToken(topic: string, partition: number, { from, to }: OffsetRange): string {
  return `${topic}:${partition}:${from}-${to}`
}
