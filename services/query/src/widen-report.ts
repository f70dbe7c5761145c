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
      return { query: { ...query, groupBy, filter: [] }, narrow: narrowing(groupBy, query) }
    },
    refuse(query) {
      if (refused.size >= maxRefused) refused.clear()
      refused.add(keyOf(query))
    },
  }
}

/** Of rows by more dimensions, those that a report chooses, by its own. One of its groups may have several rows. */
export function narrowing(
  dimensions: readonly string[],
  { groupBy, filter }: Pick<AskedReport, 'groupBy' | 'filter'>,
): (rows: readonly PartRow[]) => readonly PartRow[] {
  const chosen = filter.map(({ dimension, values }) => ({
    place: dimensions.indexOf(dimension),
    values: new Set(values.map((value) => value.toWellFormed())),
  }))
  const places = groupBy.map((name) => dimensions.indexOf(name))
  return (rows) =>
    rows
      .filter(({ group }) => chosen.every(({ place, values }) => values.has(group[place] ?? '')))
      .map(({ start, end, group, readings, amount }) => ({
        start,
        end,
        group: places.map((place) => group[place] ?? ''),
        readings,
        amount,
      }))
}
