import { useState } from 'preact/hooks'
import { addressOf } from '../address.ts'
import { ApiError, read } from '../api.ts'
import { formatExact, formatFull, formatSpan } from '../format.ts'
import { Ranks } from '../live/top-groups.tsx'
import { Chart } from '../parts/chart.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Badge, Card, LoadMore } from '../parts/pieces.tsx'
import { Blank, Fault, Loading, Stale } from '../parts/states.tsx'
import type { Meter, Report, ReportRow } from '../types.ts'
import type { Reading } from '../use-read.ts'
import { formatWindow } from './format-window.ts'
import { toSeries } from './to-series.ts'

interface ReportResultProps {
  readonly path: string
  readonly reading: Reading<Report>
  readonly meter: Meter | undefined
}

export function ReportResult({ path, reading, meter }: ReportResultProps) {
  const { data, error, loading, stale, reload } = reading
  const [rest, setRest] = useState<{ rows: readonly ReportRow[]; cursor: string | undefined }>()
  const [fault, setFault] = useState<ApiError>()
  const [busy, setBusy] = useState(false)
  if (loading) {
    return (
      <div class="card">
        <Loading what="the report" rows={8} />
      </div>
    )
  }
  if (data === undefined) {
    return (
      <div class="card">
        <Fault error={error ?? new ApiError(0, 'There is no answer.')} retry={reload} />
      </div>
    )
  }
  const cursor = rest === undefined ? data.nextCursor : rest.cursor
  const rows = rest?.rows ?? data.rows
  const more = async () => {
    setBusy(true)
    setFault(undefined)
    try {
      const [bare = '', query = ''] = path.split('?')
      const page = await read<Report>(
        addressOf(bare, { ...Object.fromEntries(new URLSearchParams(query)), cursor }),
      )
      setRest({ rows: [...rows, ...page.rows], cursor: page.nextCursor })
    } catch (caught) {
      setFault(caught as ApiError)
    }
    setBusy(false)
  }
  return (
    <>
      <Stale error={stale ? error : fault} retry={reload} />
      {data.backfill !== undefined && <Backfill progress={data.backfill.progress} />}
      <Picture report={data} rows={rows} adds={addsUp(meter)} />
      <Card title="Rows" aside={<Freshness report={data} />} flush>
        {rows.length === 0 ? (
          <Blank icon="inbox" title="No events in this range">
            Choose a longer range, or fewer filters.
          </Blank>
        ) : (
          <>
            <DataTable caption={captionOf(data)} columns={columnsOf(data, meter)} rows={rows} keyOf={keyOf} />
            <LoadMore
              count={rows.length}
              what="rows"
              loading={busy}
              more={cursor === undefined ? undefined : () => void more()}
            />
          </>
        )}
      </Card>
    </>
  )
}

function addsUp(meter: Meter | undefined): boolean {
  return meter === undefined || ['count', 'sum', 'amount', 'unique'].includes(meter.aggregation)
}

function captionOf({ meter, window, from, to, timezone }: Report): string {
  return `${meter} by ${window} from ${formatFull(from)} to ${formatFull(to)}, ${timezone}`
}

function keyOf({ windowStart, group }: ReportRow): string {
  return `${windowStart} ${JSON.stringify(group)}`
}

function columnsOf({ window, timezone, rows }: Report, meter: Meter | undefined): Column<ReportRow>[] {
  const dimensions = Object.keys(rows[0]?.group ?? {})
  return [
    ...(window === 'total'
      ? []
      : [
          {
            title: 'Window',
            kind: 'nowrap',
            cell: ({ windowStart }: ReportRow) => formatWindow(windowStart, window, timezone),
          },
        ]),
    ...dimensions.map((name) => ({
      title: name,
      kind: 'wrap-anywhere',
      cell: ({ group }: ReportRow) => (group[name] === '' ? <span class="muted">(none)</span> : group[name]),
    })),
    {
      title: meter?.aggregation === 'amount' ? 'Value, minor units' : 'Value',
      kind: 'number',
      cell: ({ value }: ReportRow) => formatExact(value),
    },
  ]
}

function Freshness({ report: { generatedAt, dataThrough } }: { readonly report: Report }) {
  if (Date.parse(dataThrough) === 0) return <Badge tone="warn">How fresh is not known yet</Badge>
  const lag = Date.parse(generatedAt) - Date.parse(dataThrough)
  return (
    <span title={`All events received before ${dataThrough} are included`}>
      <Badge tone={lag < 10_000 ? 'good' : 'warn'}>Complete up to {formatSpan(lag)} before it was made</Badge>
    </span>
  )
}

function Backfill({ progress }: { readonly progress: number }) {
  return (
    <div class="notice" data-tone="warn" role="status">
      <span>Events from before this meter are still being counted: {Math.floor(progress * 100)} % are.</span>
    </div>
  )
}

interface PictureProps {
  readonly report: Report
  readonly rows: readonly ReportRow[]
  readonly adds: boolean
}

function Picture({ report, rows, adds }: PictureProps) {
  const [readout, setReadout] = useState('')
  const { window, timezone, meter } = report
  if (rows.length === 0) return null
  if (window === 'total') return <Totals rows={rows} meter={meter} />
  const data = toSeries(rows, adds)
  const bars = data.series.length === 1 && data.times.length <= 400
  const legend = data.series.length > 1
  return (
    <Card title={`${meter} by ${window}`} aside={<span class="readout">{readout}</span>}>
      <Chart
        low
        data={data}
        kind={bars ? 'bars' : 'line'}
        label={`Chart of ${meter} by ${window}: ${data.times.length} windows; the rows below hold the numbers`}
        formatTime={(at) => formatWindow(new Date(at * 1_000).toISOString(), window, timezone)}
        onReadout={setReadout}
      />
      {legend && (
        <ul class="legend">
          {data.series.map(({ label }, index) => (
            <li key={label}>
              <i class={`series-${Math.min(index, 6) + 1}`} />
              <span class="wrap-anywhere">{label}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

const ranked = 12

function Totals({ rows, meter }: { readonly rows: readonly ReportRow[]; readonly meter: string }) {
  const groups = rows
    .map(({ group, value }) => ({ group, value: value === null ? null : Number(value) }))
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0))
  if (rows.length === 1) {
    return (
      <Card title={`${meter} in total`}>
        <p class="total">{formatExact(rows[0]?.value ?? null)}</p>
      </Card>
    )
  }
  return (
    <Card title={`${meter}, the largest groups`}>
      <Ranks groups={groups.slice(0, ranked)} />
    </Card>
  )
}
