import type { PartRow } from './merge-pieces.ts'
import type { AskedReport } from './report-query.ts'

/** A report of all values of what another one filters by, and the way back. */
export interface WideReport {
  readonly query: AskedReport
  narrow(rows: readonly PartRow[]): readonly PartRow[]
}

export interface Widening {
  /** Undefined when nothing is filtered by, or there are too many values of it. */
  widen(query: AskedReport): WideReport | undefined
  /** There are too many. */
  refuse(query: AskedReport): void
}

const maxRefused = 1_000

export function createWidening(): Widening {
  const refused = new Set<string>()
  const keyOf = ({ meter, groupBy, filter, window }: AskedReport): string =>
    JSON.stringify([
      meter.tenant,
      meter.name,
      meter.version,
      groupBy,
      filter.map(({ dimension }) => dimension),
      window,
    ])
  return {
    widen(query) {
      if (query.filter.length === 0 || refused.has(keyOf(query))) return undefined
      const dimensions = query.filter.map(({ dimension }) => dimension).sort()
      const groupBy = [...new Set([...query.groupBy, ...dimensions])]
      const chosen = query.filter.map(({ dimension, values }) => ({
        place: groupBy.indexOf(dimension),
        values: new Set(values.map((value) => value.toWellFormed())),
      }))
      return {
        query: { ...query, groupBy, filter: [] },
        narrow: (rows) =>
          rows
            .filter(({ group }) => chosen.every(({ place, values }) => values.has(group[place] ?? '')))
            .map((row) => ({ ...row, group: row.group.slice(0, query.groupBy.length) })),
      }
    },
    refuse(query) {
      if (refused.size >= maxRefused) refused.clear()
      refused.add(keyOf(query))
    },
  }
}
