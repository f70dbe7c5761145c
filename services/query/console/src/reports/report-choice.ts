import { addressOf } from '../address.ts'
import { fromWall, isZone, toWall } from './zoned-time.ts'

/** What somebody asks for, as it stands in the address of the view. */
export interface ReportChoice {
  readonly meter: string
  readonly range: string
  /** RFC 3339; of the range `custom`. */
  readonly from: string | undefined
  readonly to: string | undefined
  readonly window: string
  readonly timezone: string
  readonly groupBy: readonly string[]
  /** Values by dimension, comma-separated. */
  readonly filter: Readonly<Record<string, string>>
  readonly order: string
}

export const windows = ['minute', 'hour', 'day', 'week', 'month', 'year', 'total'] as const

interface Range {
  readonly label: string
  /** What it is shown by unless somebody chooses otherwise. */
  readonly window: string
  readonly bounds: (
    nowMs: number,
    zone: string,
  ) => readonly [fromMs: number | undefined, toMs: number | undefined]
}

const hourMs = 3_600_000
const back = (ms: number) => (nowMs: number) => [nowMs - ms, undefined] as const

export const ranges: Readonly<Record<string, Range>> = {
  '1h': { label: 'Last hour', window: 'minute', bounds: back(hourMs) },
  '24h': { label: '24 hours', window: 'hour', bounds: back(24 * hourMs) },
  today: { label: 'Today', window: 'hour', bounds: (now, zone) => [startOf(now, zone, 'day', 0), undefined] },
  '7d': { label: '7 days', window: 'day', bounds: back(7 * 24 * hourMs) },
  '30d': { label: '30 days', window: 'day', bounds: back(30 * 24 * hourMs) },
  month: {
    label: 'This month',
    window: 'day',
    bounds: (now, zone) => [startOf(now, zone, 'month', 0), undefined],
  },
  'last-month': {
    label: 'Last month',
    window: 'day',
    bounds: (now, zone) => [startOf(now, zone, 'month', -1), startOf(now, zone, 'month', 0)],
  },
  year: {
    label: 'This year',
    window: 'month',
    bounds: (now, zone) => [startOf(now, zone, 'year', 0), undefined],
  },
  all: { label: 'All time', window: 'month', bounds: () => [undefined, undefined] },
  custom: { label: 'Custom', window: 'day', bounds: () => [undefined, undefined] },
}

function startOf(nowMs: number, zone: string, unit: 'day' | 'month' | 'year', shift: number): number {
  const { year, month, day } = toWall(nowMs, zone)
  if (unit === 'day') return fromWall({ year, month, day: day + shift }, zone)
  if (unit === 'month') return fromWall({ year, month: month + shift, day: 1 }, zone)
  return fromWall({ year: year + shift, month: 1, day: 1 }, zone)
}

export function readChoice(query: URLSearchParams, fallbackMeter: string): ReportChoice {
  const named = query.get('range') ?? (query.has('from') || query.has('to') ? 'custom' : '24h')
  const range = named in ranges ? named : '24h'
  const window = query.get('window') ?? ranges[range]?.window ?? 'total'
  const zone = query.get('timezone') ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  const filters = [...query].filter(([name, value]) => name.startsWith('filter.') && value !== '')
  return {
    meter: query.get('meter') ?? fallbackMeter,
    range,
    from: range === 'custom' ? (query.get('from') ?? undefined) : undefined,
    to: range === 'custom' ? (query.get('to') ?? undefined) : undefined,
    window: (windows as readonly string[]).includes(window) ? window : 'total',
    timezone: isZone(zone) ? zone : 'UTC',
    groupBy: (query.get('groupBy') ?? '').split(',').filter((name) => name !== ''),
    filter: Object.fromEntries(filters.map(([name, value]) => [name.slice('filter.'.length), value])),
    order: query.get('order') ?? '',
  }
}

/** The same for the address; `bounds` pins a range that would move on with time. */
export function toAddress(
  choice: ReportChoice,
  bounds?: { from: string; to: string },
): Record<string, string> {
  const { meter, range, from, to, window, timezone, groupBy, filter, order } = choice
  const pinned = bounds ?? (range === 'custom' ? { from: from ?? '', to: to ?? '' } : undefined)
  return {
    meter,
    ...(pinned === undefined ? { range } : { range: 'custom', ...pinned }),
    window,
    timezone,
    groupBy: groupBy.join(','),
    ...Object.fromEntries(Object.entries(filter).map(([name, value]) => [`filter.${name}`, value])),
    order,
  }
}

/** The call that answers it. @param nowMs from where ranges such as the last hour go back */
export function toReportPath(choice: ReportChoice, nowMs: number): string {
  const [fromMs, toMs] = ranges[choice.range]?.bounds(nowMs, choice.timezone) ?? [undefined, undefined]
  const from = fromMs === undefined ? choice.from : new Date(fromMs).toISOString()
  const to = toMs === undefined ? choice.to : new Date(toMs).toISOString()
  const filters = Object.entries(choice.filter).map(([name, value]) => [`filter.${name}`, value] as const)
  // Windows without events are gaps of one line; of many groups they would be many rows.
  const fill = from !== undefined && choice.window !== 'total' && choice.groupBy.length === 0
  return addressOf(`/v1/reports/${encodeURIComponent(choice.meter)}`, {
    from,
    to,
    window: choice.window,
    timezone: choice.timezone,
    groupBy: choice.groupBy.join(','),
    ...Object.fromEntries(filters),
    order: choice.order,
    fill: fill ? 'true' : undefined,
    numbers: 'string',
    limit: '2000',
  })
}
