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

/** JSON, so that no value can run into its neighbour; '[]' for a meter without dimensions. */
function groupKey(group: readonly string[]): string {
  return group.length === 0 ? '[]' : JSON.stringify(group)
}

export function groupValues(key: string): string[] {
  return key === otherGroups ? [] : (JSON.parse(key) as string[])
}

export function addReading(
  cells: LiveCells,
  tenant: string,
  second: number,
  reading: Reading,
  maxGroups: number,
): void {
  const { value } = reading
  const groups = groupsOf(cells, meterKey(tenant, reading.meter), reading.version, second)
  if (groups === undefined) return
  addCell(groups, groupKey(reading.group), { count: 1, sum: value, min: value, max: value }, maxGroups)
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
