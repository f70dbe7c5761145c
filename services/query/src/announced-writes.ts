import type { Progress } from '@millrace/proto'
import { steadyMs } from './time.ts'
import {
  createTouchLog,
  type MeterVersion,
  type MinuteRange,
  type TouchScope,
  type TouchState,
} from './touch-log.ts'

/** A moment before which ClickHouse was not asked yet. */
export interface ReadMark {
  readonly generation: number
  readonly sequence: number
}

/**
 * What query knows of the aggregators' writes. An aggregator tells on one ordered stream what it is about to write,
 * then writes, then tells that it is over, and only then that its partitions have landed. So rows stay what ClickHouse would
 * give until the next write to their range is announced, and lack nothing that was promised until that write is over.
 */
export interface AnnouncedWrites {
  apply(address: string, progress: Progress): void
  /** A stream ended: writes may go on unheard. */
  lost(address: string): void
  /** Whether every partition's aggregator is heard; else nothing may be answered from memory. */
  isCovered(): boolean
  scope(meter: MeterVersion, minutes: MinuteRange): TouchScope
  /** To be taken before ClickHouse is asked. */
  mark(): ReadMark
  /** Whether rows that were read after the mark are what ClickHouse would give now. */
  isCurrent(scope: TouchScope, mark: ReadMark): boolean
  /** What became since then of rows that were read after the mark; `written` where it is not known. */
  stateOf(scope: TouchScope, mark: ReadMark): TouchState
}

interface Stream {
  heardAtMs: number
  partitions: ReadonlySet<number>
}

/** Aggregators send at least once a second. */
const silenceMs = 2_500

export function createAnnouncedWrites(nowMs: () => number = steadyMs): AnnouncedWrites {
  const log = createTouchLog(nowMs)
  const streams = new Map<string, Stream>()
  let partitions = 0
  let coveredUntilMs = 0
  /** Partitions that nobody was heard of for a while: an aggregator that is not known yet may have written. */
  let missed = new Set<number>()
  let generation = 0

  const judgeCoverage = (): void => {
    coveredUntilMs = partitions === 0 ? 0 : Number.POSITIVE_INFINITY
    const uncovered = new Set<number>()
    for (let partition = 0; partition < partitions; partition += 1) {
      const heard = [...streams.values()].filter((stream) => stream.partitions.has(partition))
      if (heard.length === 0) uncovered.add(partition)
      const until = Math.max(0, ...heard.map(({ heardAtMs }) => heardAtMs + silenceMs))
      coveredUntilMs = Math.min(coveredUntilMs, until)
    }
    if ([...missed].some((partition) => !uncovered.has(partition))) generation += 1
    missed = uncovered
  }

  const stateOf = (scope: TouchScope, mark: ReadMark): TouchState => {
    if (nowMs() >= coveredUntilMs || mark.generation !== generation) return 'written'
    return log.stateOf(scope, mark.sequence)
  }

  return {
    apply(address, progress) {
      const now = nowMs()
      const before = streams.get(address)
      if (before === undefined || before.heardAtMs + silenceMs < now) generation += 1
      if (progress.partitions > partitions) generation += 1
      partitions = Math.max(partitions, progress.partitions)
      for (const { number, ranges } of progress.begun) log.begin(address, number, ranges)
      for (const number of progress.over) log.end(address, number)
      streams.set(address, {
        heardAtMs: now,
        partitions: new Set(progress.landed.map(({ partition }) => partition)),
      })
      judgeCoverage()
    },
    lost(address) {
      streams.delete(address)
      log.drop(address)
      generation += 1
      judgeCoverage()
    },
    isCovered: () => nowMs() < coveredUntilMs,
    scope: log.scope,
    mark: () => ({ generation, sequence: log.sequence() }),
    isCurrent: (scope, mark) => stateOf(scope, mark) === 'untouched',
    stateOf,
  }
}
