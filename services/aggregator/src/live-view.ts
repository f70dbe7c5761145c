import {
  addCell,
  addReading,
  type GroupCells,
  groupsOf,
  type LastGroups,
  type LiveCells,
  meterKey,
} from './live-cells.ts'
import type { Reading } from './take-readings.ts'

/** Seconds that the live view goes back. */
export const liveSeconds = 3_600
/** Seconds that ingest's clock may be ahead of this machine's. */
const maxAheadSeconds = 60

/** Readings of a batch that is not landed yet. They are seen at once, and vanish when the batch is given up. */
export interface LiveOverlay {
  add(tenant: string, receivedAtUs: number, reading: Reading): void
  /** The batch has landed: its readings stay. */
  keep(): void
  /** The batch was given up: whoever reads it again shows it. */
  drop(): void
}

export interface LiveView {
  openOverlay(): LiveOverlay
  /**
   * Seconds of a meter from `fromSecond` on that changed after revision `since`.
   * @returns undefined for the whole when another version of the meter has come since
   */
  changes(tenant: string, meter: string, fromSecond: number, since: number): LiveChanges
  /** Cells in memory, overlays left out. */
  cells(): number
}

export interface LiveChanges {
  /** To be given as `since` the next time. */
  readonly revision: number
  /** Version of the meter; 0 when nothing is known of it. */
  readonly version: number
  readonly seconds: readonly { readonly second: number; readonly groups: GroupCells }[]
}

interface Deps {
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * The last hour of every meter by second, in the order of receipt: what this process has landed plus what it has
 * read. Bounded: per second `liveMaxGroups` groups of a meter and one for all others, in all `liveMaxCells`.
 */
export function createLiveView(
  { now }: Deps,
  config: { liveMaxGroups: number; liveMaxCells: number },
): LiveView {
  const landed: LiveCells = new Map()
  const overlays = new Set<LiveCells>()
  /** Per meter the revision at which each second last changed. */
  const revisions = new Map<string, Map<number, number>>()
  let revision = 0
  /** The revision that somebody has seen: until the next one is seen, a second needs no other. */
  let seenRevision = 0
  let cellCount = 0

  const touch = (key: string, second: number): void => {
    let seconds = revisions.get(key)
    if (seconds === undefined) {
      seconds = new Map()
      revisions.set(key, seconds)
    }
    seconds.set(second, ++revision)
  }

  const forgetBefore = (first: number): void => {
    for (const [key, meter] of landed) {
      for (const [second, groups] of meter.seconds) {
        if (second >= first) continue
        meter.seconds.delete(second)
        cellCount -= groups.size
      }
      if (meter.seconds.size === 0) landed.delete(key)
    }
    for (const [key, seconds] of revisions) {
      for (const second of seconds.keys()) if (second < first) seconds.delete(second)
      if (seconds.size === 0) revisions.delete(key)
    }
  }

  let forgottenBefore = 0
  const bound = (): void => {
    const first = Math.floor(now() / 1_000) - liveSeconds
    // Once in ten seconds is often enough for what falls out by age.
    if (first >= forgottenBefore + 10) {
      forgottenBefore = first
      forgetBefore(first)
    }
    while (cellCount > config.liveMaxCells) forgetBefore(oldestTenth(landed))
  }

  const keep = (overlay: LiveCells): void => {
    for (const [key, meter] of overlay) {
      for (const [second, added] of meter.seconds) {
        const before = landed.get(key)
        const groups = groupsOf(landed, key, meter.version, second)
        if (before !== undefined && before !== landed.get(key)) cellCount -= countCells(before.seconds)
        if (groups === undefined) continue
        for (const [group, cell] of added) cellCount += addCell(groups, group, cell, config.liveMaxGroups)
        touch(key, second)
      }
    }
    bound()
  }

  return {
    openOverlay() {
      const cells: LiveCells = new Map()
      overlays.add(cells)
      const last = new Map<string, LastGroups>()
      return {
        add(tenant, receivedAtUs, reading) {
          const second = Math.floor(receivedAtUs / 1_000_000)
          const { meter, version } = reading
          let to = last.get(meter)
          if (to?.second !== second || to.version !== version || to.tenant !== tenant) {
            const present = Math.floor(now() / 1_000)
            if (second <= present - liveSeconds || second > present + maxAheadSeconds) return
            const groups = groupsOf(cells, meterKey(tenant, meter), version, second)
            if (groups === undefined) return
            to = { tenant, version, second, groups, revision: 0 }
            last.set(meter, to)
          }
          addReading(to.groups, reading, config.liveMaxGroups)
          if (to.revision > seenRevision) return
          touch(meterKey(tenant, meter), second)
          to.revision = revision
        },
        keep() {
          if (overlays.delete(cells)) keep(cells)
        },
        drop() {
          if (!overlays.delete(cells)) return
          for (const [key, meter] of cells) for (const second of meter.seconds.keys()) touch(key, second)
        },
      }
    },
    changes(tenant, meter, fromSecond, since) {
      seenRevision = revision
      const key = meterKey(tenant, meter)
      const layers = [landed, ...overlays]
        .map((cells) => cells.get(key))
        .filter((found) => found !== undefined)
      const version = Math.max(0, ...layers.map((layer) => layer.version))
      const current = layers.filter((layer) => layer.version === version)
      const seconds = [...(revisions.get(key) ?? [])]
        .filter(([second, changed]) => second >= fromSecond && changed > since)
        .map(([second]) => ({ second, groups: mergeLayers(current, second, config.liveMaxGroups) }))
        .sort((a, b) => a.second - b.second)
      return { revision, version, seconds }
    },
    cells: () => cellCount,
  }
}

function mergeLayers(
  layers: readonly { readonly seconds: Map<number, GroupCells> }[],
  second: number,
  maxGroups: number,
): GroupCells {
  const merged: GroupCells = new Map()
  for (const layer of layers) {
    for (const [group, cell] of layer.seconds.get(second) ?? []) addCell(merged, group, cell, maxGroups)
  }
  return merged
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
