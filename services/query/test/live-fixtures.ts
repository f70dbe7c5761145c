import type { LiveCell } from '../src/live-merge.ts'

/** Readings of a group of a meter that only counts. */
export const countCell = (group: string[], count: number): LiveCell => ({
  group,
  count,
  sum: 0n,
  min: undefined,
  max: undefined,
})
