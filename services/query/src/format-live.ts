import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { LivePush } from './live-hub.ts'
import {
  currentRate,
  type LiveCell,
  largest,
  liveValue,
  type MergedSecond,
  sumCells,
  topGroups,
} from './live-merge.ts'
import type { ReportMeter } from './report-query.ts'

/** Groups that one second shows; what is left out counts in the second's own value. */
const maxGroupsOfSecond = 20
const maxTopGroups = 10

const written = new WeakMap<LivePush, Buffer>()

/** One server-sent event as bytes; written once however many read it. */
export function formatLiveEvent(push: LivePush, nowUs: () => number): Buffer {
  const known = written.get(push)
  if (known !== undefined) return known
  const event = Buffer.from(`id: ${push.id}\nevent: live\ndata: ${formatLiveJson(push, nowUs())}\n\n`)
  written.set(push, event)
  return event
}

export function formatLiveJson(push: LivePush, generatedAtUs: number): string {
  const { meter, all } = push
  const seconds = (push.reset ? all : push.changed).map((second) => formatSecond(second, meter))
  const total = sumCells(all.map((second) => second.total))
  const totalValue = hasSeveralCurrencies(all, meter) ? 'null' : liveValue(total, meter.aggregation)
  const named = all.map((second) => ({
    ...second,
    groups: second.groups.filter((cell) => isNamed(cell, meter)),
  }))
  const top = meter.dimensions.length === 0 ? [] : topGroups(named, meter.aggregation, maxTopGroups)
  const head = JSON.stringify({
    meter: meter.name,
    aggregation: meter.aggregation,
    asOf: formatTimestamp(push.asOfUs),
    generatedAt: formatTimestamp(generatedAtUs),
    reset: push.reset,
    sources: push.sources,
    dimensions: meter.dimensions,
  })
  const rate = currentRate(all, push.asOfUs)
  return `${head.slice(0, -1)},"seconds":[${seconds.join(',')}],"totals":{"value":${totalValue},"perSecond":${rate}},"top":[${top.map((cell) => formatCell(cell, meter)).join(',')}]}`
}

/** An aggregator puts all groups beyond its cap into one cell without values. */
function isNamed({ group }: LiveCell, { dimensions }: ReportMeter): boolean {
  return group.length === dimensions.length
}

/** Their amounts make no sum; each group has its own. */
function hasSeveralCurrencies(seconds: readonly Pick<MergedSecond, 'groups'>[], meter: ReportMeter): boolean {
  if (meter.aggregation !== 'amount') return false
  const index = meter.dimensions.indexOf('currency')
  const currencies = new Set(seconds.flatMap(({ groups }) => groups.map(({ group }) => group[index])))
  return currencies.size > 1
}

function formatSecond({ second, total, groups }: MergedSecond, meter: ReportMeter): string {
  const shown =
    meter.dimensions.length === 0
      ? []
      : largest(
          groups.filter((cell) => isNamed(cell, meter)),
          meter.aggregation,
          maxGroupsOfSecond,
        )
  const time = new Date(second * 1_000).toISOString()
  const value = hasSeveralCurrencies([{ groups }], meter) ? 'null' : liveValue(total, meter.aggregation)
  return `{"second":"${time}","value":${value},"groups":[${shown
    .map((cell) => formatCell(cell, meter))
    .join(',')}]}`
}

function formatCell(cell: LiveCell, { dimensions, aggregation }: ReportMeter): string {
  const group = Object.fromEntries(dimensions.map((name, index) => [name, cell.group[index] ?? '']))
  return `{"group":${JSON.stringify(group)},"value":${liveValue(cell, aggregation)}}`
}
