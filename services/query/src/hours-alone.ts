import type { ReportMeter, ReportQuery } from './report-query.ts'
import { reportSources } from './report-sources.ts'

/**
 * Whether a report that would be put together from days and hours is rather read from its hours alone. One rollup is
 * asked in two thirds of the time of two, as long as it is not long: a month has 24 times as many rows by hours as by days.
 * How many these are ClickHouse knows once it has looked at its index; it is told to give up where they are too many.
 */
export interface HoursAlone {
  mayDo(query: ReportQuery): boolean
  /** They were too many. */
  refuse(query: ReportQuery): void
}

/** Of hours, that take as long as a second rollup does. */
export const maxRowsOfHours = 100_000

const maxMeters = 10_000
/** Meters get groups, and lose them. */
const refusedMs = 600_000

/** @param nowMs of a clock that nobody sets */
export function createHoursAlone(nowMs: () => number): HoursAlone {
  /** The shortest range of a meter that had too many, and until when that is taken for granted. */
  const refused = new Map<string, { readonly lengthUs: number; readonly untilMs: number }>()
  const shortest = (meter: ReportMeter): number => {
    const known = refused.get(keyOf(meter))
    return known === undefined || known.untilMs < nowMs() ? Number.POSITIVE_INFINITY : known.lengthUs
  }
  return {
    mayDo(query) {
      if (query.toUs - query.fromUs >= shortest(query.meter)) return false
      const tables = reportSources(query, {}).map(({ table }) => table)
      return tables.includes('meter_days') && tables.includes('meter_hours')
    },
    refuse({ meter, fromUs, toUs }) {
      const lengthUs = Math.min(toUs - fromUs, shortest(meter))
      if (refused.size >= maxMeters) refused.clear()
      refused.set(keyOf(meter), { lengthUs, untilMs: nowMs() + refusedMs })
    },
  }
}

function keyOf({ tenant, name, version }: ReportMeter): string {
  return JSON.stringify([tenant, name, version])
}
