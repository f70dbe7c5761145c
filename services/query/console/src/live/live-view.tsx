import { useEffect, useState } from 'preact/hooks'
import { SelectField, TextField } from '../parts/fields.tsx'
import { Icon } from '../parts/icon.tsx'
import { Badge, type Tone, ViewHead } from '../parts/pieces.tsx'
import { Blank, Fault, Loading, Needs } from '../parts/states.tsx'
import { change, usePlace } from '../router.ts'
import { useSession } from '../session.ts'
import { pauseAsked } from '../shortcuts.tsx'
import type { Meter } from '../types.ts'
import { useRead } from '../use-read.ts'
import { Attention } from './attention.tsx'
import { LivePanel } from './live-panel.tsx'
import { MeterTiles } from './meter-tiles.tsx'
import { TopGroups } from './top-groups.tsx'
import { type Live, useLive } from './use-live.ts'

export function LiveView() {
  return (
    <Needs scope="reports:read" to="watch traffic">
      <LiveTraffic />
    </Needs>
  )
}

function LiveTraffic() {
  const { can } = useSession()
  const { query } = usePlace()
  const wanted = query.get('meter') ?? undefined
  const meters = useRead<{ meters: readonly Meter[] }>(can('catalog:read') ? '/v1/meters' : undefined, 5_000)
  const known = meters.data?.meters
  const meter = known?.find(({ name }) => name === wanted) ?? (wanted === undefined ? known?.[0] : undefined)
  const name = meter?.name ?? wanted
  const [paused, setPaused] = usePause(name)
  const live = useLive(name, paused)
  const choose = (chosen: string) => change({ meter: chosen })
  return (
    <>
      <ViewHead
        title="Live traffic"
        about={meter === undefined ? 'The last five minutes, by second.' : describe(meter)}
      >
        {name !== undefined && (
          <>
            <StateBadge live={live} paused={paused} />
            <button type="button" class="button" onClick={() => setPaused(!paused)} aria-pressed={paused}>
              <Icon name={paused ? 'play' : 'pause'} /> {paused ? 'Go on' : 'Pause'}
            </button>
          </>
        )}
        {known === undefined && !can('catalog:read') && (
          <TextField label="Meter" value={name ?? ''} onChange={choose} placeholder="visits" />
        )}
        {known !== undefined && known.length > 0 && (
          <SelectField
            label="Meter"
            value={name ?? ''}
            onChange={choose}
            options={known.map((it) => it.name)}
          />
        )}
      </ViewHead>
      {meters.loading && <Loading what="meters" rows={8} />}
      {meters.error !== undefined && known === undefined && (
        <Fault error={meters.error} retry={meters.reload} />
      )}
      {known?.length === 0 && wanted === undefined && <NoMeters />}
      {name !== undefined && (
        <div class="stack">
          <LivePanel live={live} meter={name} paused={paused} />
          <div class="live-grid">
            <div class="stack">
              {known !== undefined && <MeterTiles meters={known} chosen={name} choose={choose} />}
              <Attention />
            </div>
            <TopGroups live={live} meter={name} />
          </div>
        </div>
      )}
    </>
  )
}

/** Each meter begins unpaused. */
function usePause(meter: string | undefined): [boolean, (paused: boolean) => void] {
  const [pausedMeter, setPausedMeter] = useState<string>()
  const paused = meter !== undefined && pausedMeter === meter
  useEffect(() => {
    const toggle = () => setPausedMeter(paused ? undefined : meter)
    addEventListener(pauseAsked, toggle)
    return () => removeEventListener(pauseAsked, toggle)
  }, [paused, meter])
  return [paused, (wanted) => setPausedMeter(wanted ? meter : undefined)]
}

function StateBadge({ live, paused }: { readonly live: Live; readonly paused: boolean }) {
  const [tone, text] = stateOf(live, paused)
  return (
    <span role="status">
      <Badge tone={tone} pulse={text === 'Live'}>
        {text}
      </Badge>
    </span>
  )
}

function stateOf({ state, message }: Live, paused: boolean): readonly [Tone, string] {
  if (paused) return ['warn', 'Paused']
  if (state === 'refused') return ['bad', 'Not available']
  if (state === 'lost') return ['bad', 'Reconnecting']
  if (state === 'connecting') return ['none', 'Connecting']
  return message?.sources === 0 ? ['warn', 'No live source'] : ['good', 'Live']
}

const words: Readonly<Record<string, string>> = {
  count: 'Counts',
  sum: 'Sums',
  avg: 'Averages',
  min: 'Minimum of',
  max: 'Maximum of',
  amount: 'Amounts of',
  unique: 'Unique values of',
  latest: 'Latest value of',
}

function describe({ description, aggregation, eventTypes }: Meter): string {
  return description ?? `${words[aggregation] ?? aggregation} ${eventTypes.join(', ')}`
}

function NoMeters() {
  return (
    <div class="card">
      <Blank icon="pulse" title="No meters yet">
        <p>A meter says how events become numbers. Define one, and it shows up here by itself:</p>
        <pre class="code">{`curl -X PUT "$INGEST/v1/meters/visits" \\
  -H "authorization: Bearer $KEY" \\
  -H "content-type: application/json" \\
  -d '{"eventTypes": ["visit.recorded"],
       "aggregation": "count",
       "groupBy": {"page": "/data/path"}}'`}</pre>
      </Blank>
    </div>
  )
}
