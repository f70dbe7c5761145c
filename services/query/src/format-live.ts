import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { LivePush } from './live-hub.ts'
import { type LiveCell, largest, liveValue, type MergedSecond } from './live-merge.ts'
import type { ReportMeter } from './report-query.ts'
import { namedGroups, summarizeLive, totalValue } from './summarize-live.ts'

/** Groups that one second shows; what is left out counts in the second's own value. */
const maxGroupsOfSecond = 20

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
  const { value, perSecond, top } = summarizeLive(push, all)
  const head = JSON.stringify({
    meter: meter.name,
    aggregation: meter.aggregation,
    asOf: formatTimestamp(push.asOfUs),
    generatedAt: formatTimestamp(generatedAtUs),
    reset: push.reset,
    sources: push.sources,
    dimensions: meter.dimensions,
  })
  return `${head.slice(0, -1)},"seconds":[${seconds.join(',')}],"totals":{"value":${value},"perSecond":${perSecond}},"top":[${top.map((cell) => formatCell(cell, meter)).join(',')}]}`
}

function formatSecond({ second, total, groups }: MergedSecond, meter: ReportMeter): string {
  const shown =
    meter.dimensions.length === 0
      ? []
      : largest(namedGroups({ groups }, meter), meter.aggregation, maxGroupsOfSecond)
  const time = new Date(second * 1_000).toISOString()
  const value = totalValue(total, [{ groups }], meter)
  return `{"second":"${time}","value":${value},"groups":[${shown
    .map((cell) => formatCell(cell, meter))
    .join(',')}]}`
}

function formatCell(cell: LiveCell, { dimensions, aggregation }: ReportMeter): string {
  const group = Object.fromEntries(dimensions.map((name, index) => [name, cell.group[index] ?? '']))
  return `{"group":${JSON.stringify(group)},"value":${liveValue(cell, aggregation)}}`
}
