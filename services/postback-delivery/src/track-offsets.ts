/** Which records of a partition are finished: what to commit so that none is lost and few are repeated. */
export interface OffsetTracker {
  /** Finished before this consumer read it: the partition's former owner has said so. */
  isFinished(offset: number): boolean
  /** The record has been read and is on its way. */
  begin(offset: number): void
  /** Nothing is left to be done for the record. */
  finish(offset: number): void
  /** The next offset to be read after a restart; undefined as long as nothing was read. */
  lowWatermark(): number | undefined
  /** Finished offsets above the low watermark, ascending. */
  finishedAbove(): readonly number[]
  /** Above the last one that was begun or found finished; undefined as long as nothing was read. */
  next(): number | undefined
  /** Offsets between the low watermark and the last one read. */
  span(): number
}

/**
 * @param start next offset to be read, where it is known
 * @param finishedBefore offsets behind `start` that are finished
 */
export function createOffsetTracker(
  start: number | undefined,
  finishedBefore: readonly number[] = [],
): OffsetTracker {
  // Offsets come in ascending order, and a Set keeps it: its first entry is the lowest.
  const unfinished = new Set<number>()
  const finished = new Set(finishedBefore)
  let next = start
  const lowWatermark = (): number | undefined => unfinished.values().next().value ?? next
  const prune = (): void => {
    const low = lowWatermark() ?? 0
    for (const offset of finished) if (offset < low) finished.delete(offset)
  }
  return {
    isFinished(offset) {
      if (!finished.has(offset)) return false
      next = offset + 1
      return true
    },
    begin(offset) {
      unfinished.add(offset)
      next = offset + 1
    },
    finish(offset) {
      if (unfinished.delete(offset)) finished.add(offset)
    },
    lowWatermark,
    next: () => next,
    finishedAbove() {
      prune()
      return [...finished].sort((a, b) => a - b)
    },
    span: () => (next ?? 0) - (lowWatermark() ?? 0),
  }
}

/**
 * A partition may run this far ahead of its slowest record. The bits for it fit into the 4 KiB that a broker takes
 * with a committed offset (offset.metadata.max.bytes).
 */
export const longestSpan = 16_384

/**
 * What is committed beside the low watermark: one bit per offset behind it, set for those that are finished, so that
 * a restart repeats only what was really under way.
 * @param tag tells this commit from any other; without a semicolon
 */
export function encodeProgress(tag: string, lowWatermark: number, finishedAbove: readonly number[]): string {
  const last = finishedAbove.at(-1)
  const bits = Buffer.alloc(last === undefined ? 0 : ((last - lowWatermark) >> 3) + 1)
  for (const offset of finishedAbove) {
    const position = offset - lowWatermark
    bits[position >> 3] = (bits[position >> 3] ?? 0) | (1 << (position & 7))
  }
  return `1;${tag};${bits.toString('base64url')}`
}

/** @returns finished offsets, ascending; undefined when somebody else wrote the metadata */
export function decodeProgress(metadata: string, lowWatermark: number): readonly number[] | undefined {
  const [version, , text] = metadata.split(';')
  if (version !== '1' || text === undefined) return undefined
  const finished: number[] = []
  for (const [index, byte] of Buffer.from(text, 'base64url').entries()) {
    for (let bit = 0; bit < 8; bit += 1) {
      if ((byte & (1 << bit)) !== 0) finished.push(lowWatermark + index * 8 + bit)
    }
  }
  return finished
}
