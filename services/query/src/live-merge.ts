import type { Aggregation } from '@millrace/catalog/resources'
import type { LiveGroup, LiveUpdate } from '@millrace/proto'
import { formatDecimal } from '@millrace/service-kit/format-decimal'
import { divideDecimal, parseDecimal } from './decimal.ts'

/** Readings of one group, in one second or in the whole span. Decimals are whole numbers of 10^-18. */
export interface LiveCell {
  readonly group: readonly string[]
  count: number
  sum: bigint
  min: bigint | undefined
  max: bigint | undefined
}

export interface MergedSecond {
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly second: number
  readonly total: LiveCell
  readonly groups: readonly LiveCell[]
}

/** What all aggregators see of one meter, by second. */
export interface LiveMerge {
  apply(update: LiveUpdate, nowMs: number): void
  /** Takes out what an instance told: somebody else tells it now, or nobody. */
  drop(instance: string): void
  instances(): readonly string[]
  /** The clock that seconds are cut by: microseconds, 0 before the first update. It goes on between updates. */
  asOfUs(nowMs: number): number
  /** Seconds that changed since the last call, in order. */
  takeChanges(nowMs: number): readonly MergedSecond[]
  /** The whole span, in order. */
  seconds(): readonly MergedSecond[]
}

export function createLiveMerge(spanSeconds: number): LiveMerge {
  const instances = new Map<string, Map<number, readonly LiveGroup[]>>()
  const merged = new Map<number, MergedSecond>()
  const changed = new Set<number>()
  let asOf = { us: 0, atMs: 0 }
  const asOfUs = (nowMs: number): number =>
    asOf.us === 0 ? 0 : asOf.us + Math.max(0, nowMs - asOf.atMs) * 1_000
  const removeAll = (instance: string): void => {
    for (const second of instances.get(instance)?.keys() ?? []) changed.add(second)
    instances.delete(instance)
  }
  return {
    apply(update, nowMs) {
      if (update.snapshot) removeAll(update.instance)
      const seconds = instances.get(update.instance) ?? new Map<number, readonly LiveGroup[]>()
      instances.set(update.instance, seconds)
      for (const { second, groups } of update.seconds) {
        seconds.set(second, groups)
        changed.add(second)
      }
      if (update.asOfUs > asOfUs(nowMs) || asOf.us === 0) asOf = { us: update.asOfUs, atMs: nowMs }
    },
    drop: removeAll,
    instances: () => [...instances.keys()],
    asOfUs,
    takeChanges(nowMs) {
      const oldest = Math.floor(asOfUs(nowMs) / 1_000_000) - spanSeconds
      forget(oldest, merged, instances.values())
      const seconds = [...changed].filter((second) => second > oldest).sort((a, b) => a - b)
      changed.clear()
      return seconds.map((second) => {
        const result = mergeSecond(second, instances.values())
        if (result.total.count > 0) merged.set(second, result)
        else merged.delete(second)
        return result
      })
    },
    seconds: () => [...merged.values()].sort((a, b) => a.second - b.second),
  }
}

function forget(
  oldest: number,
  merged: Map<number, unknown>,
  instances: Iterable<Map<number, unknown>>,
): void {
  for (const map of [merged, ...instances]) {
    for (const second of map.keys()) if (second <= oldest) map.delete(second)
  }
}

function mergeSecond(
  second: number,
  instances: Iterable<ReadonlyMap<number, readonly LiveGroup[]>>,
): MergedSecond {
  const cells = new Map<string, LiveCell>()
  for (const seconds of instances) {
    for (const group of seconds.get(second) ?? []) {
      addCell(cellOf(cells, group.values), {
        group: group.values,
        count: group.count,
        sum: group.sum === '' ? 0n : parseDecimal(group.sum),
        min: group.min === '' ? undefined : parseDecimal(group.min),
        max: group.max === '' ? undefined : parseDecimal(group.max),
      })
    }
  }
  const groups = [...cells.values()]
  return { second, total: sumCells(groups), groups }
}

function cellOf(cells: Map<string, LiveCell>, group: readonly string[]): LiveCell {
  const key = JSON.stringify(group)
  const known = cells.get(key)
  if (known !== undefined) return known
  const made = emptyCell(group)
  cells.set(key, made)
  return made
}

function emptyCell(group: readonly string[]): LiveCell {
  return { group, count: 0, sum: 0n, min: undefined, max: undefined }
}

function addCell(target: LiveCell, source: LiveCell): void {
  target.count += source.count
  target.sum += source.sum
  if (source.min !== undefined && (target.min === undefined || source.min < target.min))
    target.min = source.min
  if (source.max !== undefined && (target.max === undefined || source.max > target.max))
    target.max = source.max
}

export function sumCells(cells: Iterable<LiveCell>): LiveCell {
  const total = emptyCell([])
  for (const cell of cells) addCell(total, cell)
  return total
}

/** Groups over several seconds, the largest values first, at most `limit`. */
export function topGroups(
  seconds: readonly MergedSecond[],
  aggregation: Aggregation,
  limit: number,
): readonly LiveCell[] {
  const cells = new Map<string, LiveCell>()
  for (const { groups } of seconds) for (const cell of groups) addCell(cellOf(cells, cell.group), cell)
  return largest([...cells.values()], aggregation, limit)
}

export function largest(
  cells: readonly LiveCell[],
  aggregation: Aggregation,
  limit: number,
): readonly LiveCell[] {
  const ranked = cells.map((cell) => ({ cell, rank: exactValue(cell, aggregation) ?? 0n }))
  ranked.sort((a, b) => (a.rank === b.rank ? b.cell.count - a.cell.count : a.rank < b.rank ? 1 : -1))
  return ranked.slice(0, limit).map(({ cell }) => cell)
}

function exactValue(cell: LiveCell, aggregation: Aggregation): bigint | undefined {
  switch (aggregation) {
    case 'count':
      return BigInt(cell.count)
    case 'sum':
    case 'amount':
      return cell.sum
    case 'avg':
      return cell.count === 0 ? undefined : divideDecimal(cell.sum, BigInt(cell.count))
    case 'min':
      return cell.min
    case 'max':
      return cell.max
    default:
      return undefined
  }
}

/** JSON number with all digits, or `null` where nothing was read. */
export function liveValue(cell: LiveCell, aggregation: Aggregation): string {
  if (aggregation === 'count') return String(cell.count)
  const exact = exactValue(cell, aggregation)
  return exact === undefined ? 'null' : formatDecimal(exact)
}

/** Readings per second over the last few whole seconds before `asOfUs`: steady enough to read, quick enough to trust. */
export function currentRate(seconds: readonly MergedSecond[], asOfUs: number, overSeconds = 5): number {
  const end = Math.floor(asOfUs / 1_000_000)
  const readings = seconds
    .filter(({ second }) => second >= end - overSeconds && second < end)
    .reduce((sum, { total }) => sum + total.count, 0)
  return readings / overSeconds
}
