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
  /** What to commit beside the low watermark; undefined as long as nothing was read. */
  progress(): Progress | undefined
  /** Above the last one that was begun or found finished; undefined as long as nothing was read. */
  next(): number | undefined
  /** Records that are not finished. */
  unfinished(): number
}

/** How far a partition has come. */
export interface Progress {
  /** Everything before it is finished, but for what follows. */
  readonly end: number
  /** Offsets before the end that are not, ascending; the first is the low watermark. */
  readonly unfinished: readonly number[]
}

/**
 * Its memory is that of the records that are not finished, however many are finished behind them.
 * @param start next offset to be read, where it is known
 * @param inherited what the former owner had come to
 */
export function createOffsetTracker(
  start: number | undefined,
  inherited: Progress = { end: start ?? 0, unfinished: [] },
): OffsetTracker {
  // Offsets come in ascending order, and a Set keeps it: its first entry is the lowest.
  const unfinished = new Set<number>(inherited.unfinished)
  // Of those, the first that has not been read again.
  let unread = 0
  let next = start
  const end = (): number => Math.max(next ?? 0, inherited.end)
  const lowWatermark = (): number | undefined =>
    unfinished.values().next().value ?? (next === undefined ? undefined : end())
  /** What was passed over is not there any more: its retention is over, or it is no record. */
  const pass = (offset: number): void => {
    next = offset + 1
    for (; unread < inherited.unfinished.length; unread += 1) {
      const expected = inherited.unfinished[unread] ?? offset
      if (expected > offset) return
      if (expected < offset) unfinished.delete(expected)
    }
  }
  return {
    isFinished(offset) {
      if (offset >= inherited.end || unfinished.has(offset)) return false
      pass(offset)
      return true
    },
    begin(offset) {
      pass(offset)
      unfinished.add(offset)
    },
    finish(offset) {
      unfinished.delete(offset)
    },
    lowWatermark,
    progress: () => (next === undefined ? undefined : { end: end(), unfinished: [...unfinished] }),
    next: () => next,
    unfinished: () => unfinished.size,
  }
}
