import { useMemo, useState } from 'preact/hooks'
import { addressOf } from '../address.ts'
import { Icon } from '../parts/icon.tsx'
import { CopyButton, ViewHead } from '../parts/pieces.tsx'
import { Blank, Fault, Loading, Needs } from '../parts/states.tsx'
import { change, goTo, here, usePlace } from '../router.ts'
import { useSession } from '../session.ts'
import type { Meter, Report } from '../types.ts'
import { useRead } from '../use-read.ts'
import { downloadCsv } from './download-csv.ts'
import { type ReportChoice, readChoice, toAddress, toReportPath } from './report-choice.ts'
import { ReportForm } from './report-form.tsx'
import { ReportResult } from './report-result.tsx'

const refreshMs = 15_000

export function ReportsView() {
  return (
    <Needs scope="reports:read" to="read reports">
      <Reports />
    </Needs>
  )
}

function Reports() {
  const { can } = useSession()
  const { query } = usePlace()
  const meters = useRead<{ meters: readonly Meter[] }>(can('catalog:read') ? '/v1/meters' : undefined)
  const known = meters.data?.meters ?? []
  const choice = readChoice(query, known[0]?.name ?? '')
  const meter = known.find(({ name }) => name === choice.meter)
  const address = JSON.stringify(choice)
  // Ranges such as the last hour go back from the moment at which they were chosen: an address that moved on with the
  // clock would be another report each time.
  const path = useMemo(() => (choice.meter === '' ? undefined : toReportPath(choice, Date.now())), [address])
  const report = useRead<Report>(path, choice.to === undefined ? refreshMs : 0)
  const update = (changes: Partial<ReportChoice>) => {
    // From the address, not from what was rendered: two changes may come before one rendering.
    const next = { ...readChoice(here().query, choice.meter), ...changes }
    // Another meter has other dimensions.
    const kept = changes.meter === undefined ? next : { ...next, groupBy: [], filter: {}, order: '' }
    goTo('/reports', toAddress(kept))
  }
  return (
    <>
      <ViewHead
        title="Reports"
        about="A meter over any range and window. The address holds all of it: share it."
      >
        {path !== undefined && report.data !== undefined && (
          <Tools path={path} choice={choice} report={report.data} />
        )}
      </ViewHead>
      <div class="stack">
        <ReportForm
          choice={choice}
          meter={meter}
          meters={meters.loading ? undefined : known.map(({ name }) => name)}
          update={update}
        />
        {meters.loading && <Loading what="meters" />}
        {meters.error !== undefined && <Fault error={meters.error} retry={meters.reload} />}
        {path === undefined && !meters.loading && meters.error === undefined && (
          <div class="card">
            <Blank icon="chart" title="Choose a meter">
              A report reads one meter over a time range.
            </Blank>
          </div>
        )}
        {path !== undefined && <ReportResult key={path} path={path} reading={report} meter={meter} />}
      </div>
    </>
  )
}

interface ToolsProps {
  readonly path: string
  readonly choice: ReportChoice
  readonly report: Report
}

function Tools({ path, choice, report }: ToolsProps) {
  const [fault, setFault] = useState('')
  const [busy, setBusy] = useState(false)
  const save = async () => {
    setBusy(true)
    setFault('')
    await downloadCsv(path, `${report.meter}-${report.window}`).catch((error: Error) =>
      setFault(error.message),
    )
    setBusy(false)
  }
  const pinned = toAddress(choice, { from: report.from, to: report.to })
  return (
    <>
      {fault !== '' && (
        <span class="notice" data-tone="bad" role="alert">
          <span>{fault}</span>
        </span>
      )}
      <CopyButton text={location.origin + addressOf('/reports', pinned)} what="Copy link" />
      <button type="button" class="button" onClick={save} disabled={busy}>
        <Icon name="download" /> {busy ? 'Reading…' : 'CSV'}
      </button>
      {choice.range !== 'custom' && (
        <button type="button" class="button" onClick={() => change(pinned, 'push')}>
          Pin range
        </button>
      )}
    </>
  )
}
