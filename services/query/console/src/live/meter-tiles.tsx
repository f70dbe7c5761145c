import { useEffect, useState } from 'preact/hooks'
import { addressOf } from '../address.ts'
import { formatShort, none } from '../format.ts'
import { Card } from '../parts/pieces.tsx'
import type { Meter, Report } from '../types.ts'
import { useRead } from '../use-read.ts'

const shown = 8
const refreshMs = 10_000

interface MeterTilesProps {
  readonly meters: readonly Meter[]
  readonly chosen: string
  readonly choose: (name: string) => void
}

/** Every meter's last half hour: where to look. */
export function MeterTiles({ meters, chosen, choose }: MeterTilesProps) {
  const first = meters.slice(0, shown)
  return (
    <Card
      title="Meters, last 30 minutes"
      aside={meters.length > shown && <span>{meters.length - shown} more in the list above</span>}
    >
      <div class="meters">
        {first.map((meter) => (
          <Tile key={meter.name} meter={meter} chosen={meter.name === chosen} choose={choose} />
        ))}
      </div>
    </Card>
  )
}

interface TileProps {
  readonly meter: Meter
  readonly chosen: boolean
  readonly choose: (name: string) => void
}

function Tile({ meter, chosen, choose }: TileProps) {
  const { name, aggregation } = meter
  const now = useMinute()
  const { data, error } = useRead<Report>(halfHourPath(name, now), refreshMs)
  const values = sumByWindow(data)
  return (
    <button type="button" class="meter" aria-pressed={chosen} onClick={() => choose(name)}>
      <strong title={name}>{name}</strong>
      <Sparkline values={values} />
      <span class="card-aside" style={{ justifyContent: 'space-between' }}>
        <span>{error === undefined ? aggregation : 'not readable'}</span>
        <span class="sum">{figureOf(aggregation, values)}</span>
      </span>
    </button>
  )
}

/** The present minute: it changes the range that is asked for. */
function useMinute(): number {
  const present = () => Math.floor(Date.now() / 60_000) * 60_000
  const [minute, setMinute] = useState(present)
  useEffect(() => {
    const timer = setInterval(() => setMinute(present()), 5_000)
    return () => clearInterval(timer)
  }, [])
  return minute
}

/** Amounts come in several rows a window. */
function sumByWindow(report: Report | undefined): (number | null)[] {
  const sums = new Map<string, number | null>()
  for (const { windowStart, value } of report?.rows ?? []) {
    const before = sums.get(windowStart) ?? null
    sums.set(windowStart, value === null ? before : (before ?? 0) + Number(value))
  }
  return [...sums.values()]
}

function figureOf(aggregation: string, values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null)
  if (known.length === 0) return none
  const adds = ['count', 'sum', 'amount'].includes(aggregation)
  return formatShort(adds ? known.reduce((sum, value) => sum + value, 0) : known.at(-1))
}

function Sparkline({ values }: { readonly values: readonly (number | null)[] }) {
  const largest = Math.max(...values.map((value) => value ?? 0), 1)
  const step = 120 / Math.max(1, values.length - 1)
  const points = values.map(
    (value, index) => `${(index * step).toFixed(1)},${(27 - ((value ?? 0) / largest) * 24).toFixed(1)}`,
  )
  return (
    <svg class="spark" viewBox="0 0 120 30" preserveAspectRatio="none" aria-hidden="true">
      {points.length > 1 && (
        <>
          <polygon points={`0,30 ${points.join(' ')} 120,30`} fill="currentColor" opacity="0.12" />
          <polyline
            points={points.join(' ')}
            fill="none"
            stroke="currentColor"
            stroke-width="1.5"
            vector-effect="non-scaling-stroke"
          />
        </>
      )}
    </svg>
  )
}

/** A report of the last half hour. */
function halfHourPath(meter: string, nowMs: number): string {
  const end = Math.floor(nowMs / 60_000) * 60_000 + 60_000
  return addressOf(`/v1/reports/${encodeURIComponent(meter)}`, {
    from: new Date(end - 30 * 60_000).toISOString(),
    to: new Date(end).toISOString(),
    window: 'minute',
    fill: 'true',
  })
}
