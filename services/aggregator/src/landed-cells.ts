import { addCell, type GroupCells, groupsOf, type LiveCell, type LiveCells } from './live-cells.ts'

/** The live view's cells of what has landed, and how many there are. */
export interface LandedCells {
  readonly cells: LiveCells
  count(): number
  add(key: string, version: number, second: number, group: string, cell: LiveCell): void
  merge(overlay: LiveCells): void
  forgetBefore(second: number): void
  /** Forgets the oldest seconds until there are no more than so many. */
  bound(maxCells: number): void
}

export function createLandedCells(maxGroups: number): LandedCells {
  const cells: LiveCells = new Map()
  let count = 0
  /** Another version of a meter takes the place of the former one, with all its cells. */
  const groupsFor = (key: string, version: number, second: number): GroupCells | undefined => {
    const before = cells.get(key)
    const groups = groupsOf(cells, key, version, second)
    if (before !== undefined && before !== cells.get(key)) count -= countCells(before.seconds)
    return groups
  }
  const forgetBefore = (first: number): void => {
    for (const [key, meter] of cells) {
      for (const [second, groups] of meter.seconds) {
        if (second >= first) continue
        meter.seconds.delete(second)
        count -= groups.size
      }
      if (meter.seconds.size === 0) cells.delete(key)
    }
  }
  return {
    cells,
    count: () => count,
    add(key, version, second, group, cell) {
      const groups = groupsFor(key, version, second)
      if (groups !== undefined) count += addCell(groups, group, cell, maxGroups)
    },
    merge(overlay) {
      for (const [key, meter] of overlay) {
        for (const [second, added] of meter.seconds) {
          const groups = groupsFor(key, meter.version, second)
          if (groups === undefined) continue
          for (const [group, cell] of added) count += addCell(groups, group, cell, maxGroups)
        }
      }
    },
    forgetBefore,
    bound(maxCells) {
      while (count > maxCells) forgetBefore(oldestTenth(cells))
    },
  }
}

/** The second before which lies at least a tenth of all seconds. */
function oldestTenth(cells: LiveCells): number {
  const seconds = new Set<number>()
  for (const meter of cells.values()) for (const second of meter.seconds.keys()) seconds.add(second)
  const sorted = [...seconds].sort((a, b) => a - b)
  return sorted[Math.ceil(sorted.length / 10)] ?? Number.POSITIVE_INFINITY
}

function countCells(seconds: Map<number, GroupCells>): number {
  let count = 0
  for (const groups of seconds.values()) count += groups.size
  return count
}
