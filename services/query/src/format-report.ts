import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { Report } from './read-report.ts'

type NumberForm = 'number' | 'string'

/** JSON text up to the stamp of when the report was made and what it includes. */
export function formatReportHead({ query }: Report): string {
  const { meter, window, fromUs, toUs, timezone } = query
  return `{"meter":${JSON.stringify(meter.name)},"window":"${window}","from":${time(fromUs)},"to":${time(
    toUs,
  )},"timezone":${JSON.stringify(timezone)}`
}

/** JSON text behind the stamp: numbers keep all their digits, which no JavaScript number would. */
export function formatReportBody(report: Report, numbers: NumberForm): string {
  const { query, rows, nextCursor } = report
  const names = query.groupBy.map((name) => JSON.stringify(name))
  const texts = rows.map(({ windowStartUs, windowEndUs, group, value }) => {
    const members = group.map((text, index) => `${names[index]}:${JSON.stringify(text)}`)
    const written = numbers === 'string' && value !== null ? JSON.stringify(value) : value
    return `{"windowStart":${time(windowStartUs)},"windowEnd":${time(windowEndUs)},"group":{${members.join(',')}},"value":${written}}`
  })
  const next = nextCursor === undefined ? '' : `,"nextCursor":${JSON.stringify(nextCursor)}`
  return `${formatBackfill(report)}"rows":[${texts.join(',')}]${next}}`
}

/** Nothing once it is done: from then on a report is like any other. */
function formatBackfill({ backfill: { done, progress } }: Report): string {
  return done ? '' : `"backfill":{"done":false,"progress":${progress}},`
}

const times = new Map<number, string>()
const maxTimes = 10_000

/** Reports that are made again and again have the same windows each time. */
function time(us: number): string {
  const known = times.get(us)
  if (known !== undefined) return known
  const text = JSON.stringify(formatTimestamp(us))
  if (times.size >= maxTimes) times.clear()
  times.set(us, text)
  return text
}

/** RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it. */
export function formatReportCsv({ query, rows }: Report): string {
  const lines = [
    ['windowStart', 'windowEnd', ...query.groupBy, 'value'],
    ...rows.map(({ windowStartUs, windowEndUs, group, value }) => [
      formatTimestamp(windowStartUs),
      formatTimestamp(windowEndUs),
      ...group.map((text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)),
      value ?? '',
    ]),
  ]
  return `${lines.map((line) => line.map(quote).join(',')).join('\r\n')}\r\n`
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
