/** A part of a backfill: the events of a span of time, or one of several equal shares of them. */
export interface ChunkRange {
  /** Of `occurred_at`, half-open. Microseconds since 1970. */
  readonly fromUs: number
  readonly toUs: number
  /** The share whose events' hash leaves `bucket` when divided by `buckets`. */
  readonly bucket: number
  readonly buckets: number
  /** As counted when the plan was made. */
  readonly events: number
}

export interface CountedCell {
  /** Start of a cell that has events. */
  readonly fromUs: number
  readonly events: number
}

/** Counts events of a half-open span in cells of `widthUs` from its start on, in order; empty cells are left out. */
export type CountEvents = (fromUs: number, toUs: number, widthUs: number) => Promise<readonly CountedCell[]>

/** Cells of one count; their number bounds what a plan keeps in memory at a time. */
const cellsOfCount = 1_024

/**
 * Cuts a span of time into chunks of about `target` events, twice that at the most. Cells with more are counted again
 * in finer ones; what falls into one microsecond is shared out by hash.
 */
export async function planChunks(
  fromUs: number,
  toUs: number,
  target: number,
  count: CountEvents,
): Promise<readonly ChunkRange[]> {
  const chunks: ChunkRange[] = []
  let open: ChunkRange | undefined
  const close = (): void => {
    if (open !== undefined) chunks.push(open)
    open = undefined
  }
  const widthUs = Math.max(1, Math.ceil((toUs - fromUs) / cellsOfCount))
  for (const cell of await count(fromUs, toUs, widthUs)) {
    const cellToUs = Math.min(cell.fromUs + widthUs, toUs)
    if (cell.events > target * 2) {
      close()
      const finer = widthUs > 1 ? planChunks(cell.fromUs, cellToUs, target, count) : share(cell, target)
      chunks.push(...(await finer))
      continue
    }
    if (open !== undefined && open.events + cell.events > target) close()
    open = {
      fromUs: open?.fromUs ?? cell.fromUs,
      toUs: cellToUs,
      bucket: 0,
      buckets: 1,
      events: (open?.events ?? 0) + cell.events,
    }
  }
  close()
  return chunks
}

function share({ fromUs, events }: CountedCell, target: number): readonly ChunkRange[] {
  const buckets = Math.ceil(events / target)
  return Array.from({ length: buckets }, (_, bucket) => ({
    fromUs,
    toUs: fromUs + 1,
    bucket,
    buckets,
    events: Math.ceil(events / buckets),
  }))
}
