import type { Correction } from './judge-changes.ts'
import { createLandedCells, type LandedCells } from './landed-cells.ts'
import {
  addCell,
  addReading,
  type GroupCells,
  groupKey,
  groupsOf,
  type LastGroups,
  type LiveCell,
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
  /** What a settlement or a retraction takes away or adds; extremes stay until the view is loaded again. */
  correct(tenant: string, receivedAtUs: number, correction: Correction): void
  /** The batch has landed: its readings stay. */
  keep(): void
  /** The batch was given up: whoever reads it again shows it. */
  drop(): void
}

/** A view that is being loaded from what has landed; what lands meanwhile is in it too. */
export interface LiveReload {
  add(tenant: string, reading: Omit<Reading, 'value'>, second: number, cell: LiveCell): void
  /** Takes the place of the present view. */
  finish(): void
  cancel(): void
}

export interface LiveView {
  openOverlay(): LiveOverlay
  /** Begins anew with what lands from this moment on. Of two under way the later one counts. */
  reload(): LiveReload
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
  let landed = createLandedCells(config.liveMaxGroups)
  let loading: LandedCells | undefined
  const overlays = new Set<LiveCells>()
  /** Per meter the revision at which each second last changed. */
  const revisions = new Map<string, Map<number, number>>()
  let revision = 0
  /** The revision that somebody has seen: until the next one is seen, a second needs no other. */
  let seenRevision = 0

  const touch = (key: string, second: number): void => {
    let seconds = revisions.get(key)
    if (seconds === undefined) {
      seconds = new Map()
      revisions.set(key, seconds)
    }
    seconds.set(second, ++revision)
  }

  let forgottenBefore = 0
  const bound = (): void => {
    const first = firstSecond()
    // Once in ten seconds is often enough for what falls out by age.
    if (first >= forgottenBefore + 10) {
      forgottenBefore = first
      landed.forgetBefore(first)
      for (const [key, seconds] of revisions) {
        for (const second of seconds.keys()) if (second < first) seconds.delete(second)
        if (seconds.size === 0) revisions.delete(key)
      }
    }
    landed.bound(config.liveMaxCells)
  }

  const firstSecond = (): number => Math.floor(now() / 1_000) - liveSeconds

  const keep = (overlay: LiveCells): void => {
    landed.merge(overlay)
    loading?.merge(overlay)
    touchAll(overlay)
    bound()
  }

  const touchAll = (cells: LiveCells): void => {
    for (const [key, meter] of cells) for (const second of meter.seconds.keys()) touch(key, second)
  }

  const isShown = (second: number): boolean =>
    second > firstSecond() && second <= Math.floor(now() / 1_000) + maxAheadSeconds

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
            if (!isShown(second)) return
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
        correct(tenant, receivedAtUs, { meter, version, group, count, value }) {
          const second = Math.floor(receivedAtUs / 1_000_000)
          if (!isShown(second)) return
          const key = meterKey(tenant, meter)
          const groups = groupsOf(cells, key, version, second)
          if (groups === undefined) return
          addCell(groups, groupKey(group), { count, sum: value, min: null, max: null }, config.liveMaxGroups)
          touch(key, second)
        },
        keep() {
          if (overlays.delete(cells)) keep(cells)
        },
        drop() {
          if (!overlays.delete(cells)) return
          touchAll(cells)
        },
      }
    },
    reload() {
      const fresh = createLandedCells(config.liveMaxGroups)
      loading = fresh
      return {
        add(tenant, { meter, version, group }, second, cell) {
          if (isShown(second)) fresh.add(meterKey(tenant, meter), version, second, groupKey(group), cell)
        },
        finish() {
          if (loading !== fresh) return
          loading = undefined
          touchAll(landed.cells)
          landed = fresh
          touchAll(landed.cells)
          bound()
        },
        cancel() {
          if (loading === fresh) loading = undefined
        },
      }
    },
    changes(tenant, meter, fromSecond, since) {
      seenRevision = revision
      const key = meterKey(tenant, meter)
      const layers = [landed.cells, ...overlays]
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
    cells: () => landed.count(),
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
  // All of its events were retracted, or settled into another group.
  for (const [group, { count }] of merged) if (count <= 0) merged.delete(group)
  return merged
}
