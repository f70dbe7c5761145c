import { useState } from 'preact/hooks'
import { addressOf } from '../address.ts'
import { formatClock, formatExact, formatNumber, formatSpan, none } from '../format.ts'
import { Chart } from '../parts/chart.tsx'
import { DataTable } from '../parts/data-table.tsx'
import type { Report } from '../types.ts'
import { useRead } from '../use-read.ts'
import type { Live } from './use-live.ts'

interface LivePanelProps {
  readonly live: Live
  readonly meter: string
  readonly paused: boolean
}

/** The meter's figures and its last five minutes. */
export function LivePanel({ live, meter, paused }: LivePanelProps) {
  const [readout, setReadout] = useState('')
  const { message, chart } = live
  const total = useRead<Report>(
    addressOf(`/v1/reports/${encodeURIComponent(meter)}`, { fill: 'true', numbers: 'string' }),
    paused ? 0 : 3_000,
  )
  const values = (chart.series[0]?.values ?? []).filter((value) => value !== null)
  const peak = values.length === 0 ? undefined : Math.max(...values)
  const busy = values.filter((value) => value !== 0).length
  return (
    <section class="card" aria-label="The last five minutes">
      <dl class="figures">
        <div class="figure main">
          <dt>Now</dt>
          <dd>
            {message === undefined ? none : formatNumber(Math.round(message.totals.perSecond * 10) / 10)}{' '}
            <span class="unit">events / s</span>
          </dd>
        </div>
        <Figure name="Last 5 minutes" value={formatNumber(message?.totals.value)} />
        <Figure name="Peak second" value={formatNumber(peak)} />
        <Figure name="All time" value={allTime(total.data)} />
        <Figure name="Reports lag by" value={lagOf(total.data)} />
      </dl>
      <div class="card-body">
        <Chart
          data={chart}
          kind="line"
          label={`Line chart of ${meter} by second; ${busy} seconds with events in the last five minutes`}
          formatTime={(at) => formatClock(at * 1_000)}
          onReadout={setReadout}
          {...noteOf(live, busy)}
        />
        <div class="card-aside" style={{ justifyContent: 'space-between', minHeight: '24px' }}>
          <SecondsTable live={live} />
          <p class="readout" aria-hidden="true">
            {readout}
          </p>
        </div>
      </div>
    </section>
  )
}

function Figure({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

/** Amounts come by currency: several make no sum. */
function allTime(report: Report | undefined): string {
  if (report === undefined) return none
  const [row, ...others] = report.rows
  return row === undefined || others.length > 0 ? none : formatExact(row.value)
}

function lagOf(report: Report | undefined): string {
  if (report === undefined || Date.parse(report.dataThrough) === 0) return none
  return formatSpan(Date.parse(report.generatedAt) - Date.parse(report.dataThrough))
}

function noteOf({ state, error, message }: Live, busy: number): { note?: string } {
  if (state === 'refused') return { note: error?.message ?? 'The meter cannot be watched.' }
  if (message === undefined)
    return { note: state === 'lost' ? 'Not connected. Trying again…' : 'Connecting…' }
  if (busy === 0) return { note: 'No events in the last five minutes. New ones appear here at once.' }
  return {}
}

/** The same numbers without the picture. */
function SecondsTable({ live: { chart } }: { readonly live: Live }) {
  const [open, setOpen] = useState(false)
  const values = chart.series[0]?.values ?? []
  const rows = chart.times.map((time, index) => ({ time, value: values[index] ?? null })).slice(-60)
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {open && (
        <DataTable
          caption="The last minute by second, the latest first"
          rows={rows.toReversed()}
          keyOf={({ time }) => String(time)}
          columns={[
            { title: 'Second', cell: ({ time }) => formatClock(time * 1_000) },
            { title: 'Value', kind: 'number', cell: ({ value }) => formatNumber(value) },
          ]}
        />
      )}
    </details>
  )
}
