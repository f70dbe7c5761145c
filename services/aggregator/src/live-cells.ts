import type { Reading } from './take-readings.ts'

/** Sums of one meter, one second and one group. */
export interface LiveCell {
  count: number
  /** Counts of 1e-18; null where no reading had a value. */
  sum: bigint | null
  min: bigint | null
  max: bigint | null
}

export type GroupCells = Map<string, LiveCell>

/** Seconds of one version of a meter. */
export interface MeterCells {
  readonly version: number
  readonly seconds: Map<number, GroupCells>
}

/** Readings summed up by meter, second and group: of a batch, or of all that was landed. */
export type LiveCells = Map<string, MeterCells>

/** Stands for all groups beyond the cap; no group with dimensions has this key. */
const otherGroups = ''

export function meterKey(tenant: string, meter: string): string {
  return `${tenant}/${meter}`
}

/** The value itself where it is one, else JSON, so that no value can run into its neighbour. */
export function groupKey(group: readonly string[]): string {
  const [only] = group
  if (only !== undefined && group.length === 1 && only !== otherGroups && only.charCodeAt(0) !== 91)
    return only
  return group.length === 0 ? '[]' : JSON.stringify(group)
}

export function groupValues(key: string): string[] {
  if (key === otherGroups) return []
  return key.startsWith('[') ? (JSON.parse(key) as string[]) : [key]
}

/** Where the last reading of a meter went: the next one most often goes there too. */
export interface LastGroups {
  readonly tenant: string
  readonly version: number
  readonly second: number
  readonly groups: GroupCells
  /** Revision that the second got when this reading came. */
  revision: number
}

export function addReading(groups: GroupCells, { group, value }: Reading, maxGroups: number): void {
  const key = groupKey(group)
  const known = groups.get(key)
  if (known === undefined) addCell(groups, key, { count: 1, sum: value, min: value, max: value }, maxGroups)
  else {
    known.count += 1
    if (value !== null) mergeValue(known, value)
  }
}

/** The groups of one second, made when they are not there; undefined when the version is an old one. */
export function groupsOf(
  cells: LiveCells,
  key: string,
  version: number,
  second: number,
): GroupCells | undefined {
  let meter = cells.get(key)
  if (meter !== undefined && meter.version > version) return undefined
  if (meter === undefined || meter.version < version) {
    // Another version groups by other dimensions: the two cannot stand in one table.
    meter = { version, seconds: new Map() }
    cells.set(key, meter)
  }
  let groups = meter.seconds.get(second)
  if (groups === undefined) {
    groups = new Map()
    meter.seconds.set(second, groups)
  }
  return groups
}

/** @returns cells that this has made: 0 or 1 */
export function addCell(groups: GroupCells, key: string, added: LiveCell, maxGroups: number): number {
  const known = groups.get(key)
  if (known !== undefined) {
    mergeCell(known, added)
    return 0
  }
  const used = groups.size >= maxGroups && key !== otherGroups ? otherGroups : key
  const target = groups.get(used)
  if (target !== undefined) {
    mergeCell(target, added)
    return 0
  }
  groups.set(used, { ...added })
  return 1
}

function mergeCell(target: LiveCell, added: LiveCell): void {
  target.count += added.count
  if (added.sum !== null) target.sum = (target.sum ?? 0n) + added.sum
  if (added.min !== null && (target.min === null || added.min < target.min)) target.min = added.min
  if (added.max !== null && (target.max === null || added.max > target.max)) target.max = added.max
}

function mergeValue(target: LiveCell, value: bigint): void {
  target.sum = target.sum === null ? value : target.sum + value
  if (target.min === null || value < target.min) target.min = value
  if (target.max === null || value > target.max) target.max = value
}
