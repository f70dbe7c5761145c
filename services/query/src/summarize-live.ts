import type { LivePush } from './live-hub.ts'
import {
  currentRate,
  type LiveCell,
  liveValue,
  type MergedSecond,
  sumCells,
  topGroups,
} from './live-merge.ts'
import type { ReportMeter } from './report-query.ts'

/** What a span of the live view comes to. */
export interface LiveSummary {
  /** Digits, or `null` where nothing was read or amounts of several currencies make no sum. */
  readonly value: string
  /** Readings per second of the last few seconds, however short the span. */
  readonly perSecond: number
  /** Those with the largest values first. */
  readonly top: readonly LiveCell[]
}

const maxTopGroups = 10

/** @param seconds of what was pushed, those that are summed up */
export function summarizeLive(
  { meter, asOfUs, all }: Pick<LivePush, 'meter' | 'asOfUs' | 'all'>,
  seconds: readonly MergedSecond[],
): LiveSummary {
  const named = seconds.map((second) => ({ ...second, groups: namedGroups(second, meter) }))
  return {
    value: totalValue(sumCells(seconds.map(({ total }) => total)), seconds, meter),
    perSecond: currentRate(all, asOfUs),
    top: meter.dimensions.length === 0 ? [] : topGroups(named, meter.aggregation, maxTopGroups),
  }
}

/** @returns the value of `total`, which `seconds` add up to */
export function totalValue(
  total: LiveCell,
  seconds: readonly Pick<MergedSecond, 'groups'>[],
  meter: ReportMeter,
): string {
  return hasSeveralCurrencies(seconds, meter) ? 'null' : liveValue(total, meter.aggregation)
}

/** An aggregator puts all groups beyond its cap into one cell without values. */
export function namedGroups(
  { groups }: Pick<MergedSecond, 'groups'>,
  { dimensions }: ReportMeter,
): readonly LiveCell[] {
  return groups.filter(({ group }) => group.length === dimensions.length)
}

/** Their amounts make no sum; each group has its own. */
function hasSeveralCurrencies(seconds: readonly Pick<MergedSecond, 'groups'>[], meter: ReportMeter): boolean {
  if (meter.aggregation !== 'amount') return false
  const index = meter.dimensions.indexOf('currency')
  const currencies = new Set(seconds.flatMap(({ groups }) => groups.map(({ group }) => group[index])))
  return currencies.size > 1
}
