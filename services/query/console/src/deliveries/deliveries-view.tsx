import { useState } from 'preact/hooks'
import { addressOf } from '../address.ts'
import { DataTable } from '../parts/data-table.tsx'
import { SelectField, TextField } from '../parts/fields.tsx'
import { Icon } from '../parts/icon.tsx'
import { Badge, Card, LoadMore, Moment, ViewHead } from '../parts/pieces.tsx'
import { ReplayDialog } from '../parts/replay-dialog.tsx'
import { Blank, Fault, Loading, Needs, Stale } from '../parts/states.tsx'
import { fromField, toField } from '../reports/zoned-time.ts'
import { change, follow, usePlace } from '../router.ts'
import { useSession } from '../session.ts'
import type { Delivery, Endpoint } from '../types.ts'
import { usePages } from '../use-pages.ts'
import { useRead } from '../use-read.ts'
import { DeliverySheet } from './delivery-sheet.tsx'
import { answerOf, deliveryStatuses, targetOf, toneOf } from './delivery-words.ts'
import { EndpointState } from './endpoint-state.tsx'

const refreshMs = 3_000
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone

export function DeliveriesView() {
  return (
    <Needs scope="deliveries:read" to="read deliveries">
      <Deliveries />
    </Needs>
  )
}

function Deliveries() {
  const { can } = useSession()
  const { query } = usePlace()
  const filter = Object.fromEntries(
    ['endpoint', 'status', 'eventType', 'postback', 'from', 'to'].map((name) => [
      name,
      query.get(name) ?? '',
    ]),
  )
  const deliveries = usePages<Delivery>(addressOf('/v1/deliveries', filter), 'deliveries', refreshMs)
  const endpoints = useRead<{ endpoints: readonly Endpoint[] }>(
    can('catalog:read') ? '/v1/endpoints' : undefined,
    5_000,
  )
  const known = endpoints.data?.endpoints ?? []
  const endpoint = known.find(({ name }) => name === filter.endpoint)
  const [replaying, setReplaying] = useState(false)
  const { items, error, loading, stale, reload } = deliveries
  return (
    <>
      <ViewHead title="Deliveries" about="What is sent to third parties, attempt by attempt.">
        <button type="button" class="button" onClick={() => setReplaying(true)}>
          <Icon name="replay" /> Replay by filter
        </button>
      </ViewHead>
      <div class="stack">
        <Stale error={stale ? error : undefined} retry={reload} />
        {endpoint !== undefined && <EndpointState endpoint={endpoint} />}
        <Card title="Deliveries" flush>
          <Filters filter={filter} endpoints={known.map(({ name }) => name)} />
          {items.length > 0 && (
            <DeliveryTable deliveries={items} onOpen={({ id }) => change({ id }, 'push')} />
          )}
          {loading && <Loading what="deliveries" rows={8} />}
          {error !== undefined && !stale && <Fault error={error} retry={reload} />}
          {!loading && error === undefined && items.length === 0 && <NoDeliveries filter={filter} />}
          {items.length > 0 && (
            <LoadMore
              count={items.length}
              what="deliveries"
              more={deliveries.more}
              loading={deliveries.loadingMore}
            />
          )}
        </Card>
      </div>
      <DeliverySheet id={query.get('id') ?? undefined} onClose={() => change({ id: undefined })} />
      <ReplayDialog
        open={replaying}
        onClose={() => setReplaying(false)}
        what="deliveries"
        initial={{
          endpoint: filter.endpoint,
          postback: filter.postback,
          status: filter.status === 'held' ? 'held' : 'dead',
          from: filter.from,
          to: filter.to,
        }}
      />
    </>
  )
}

interface FiltersProps {
  readonly filter: Readonly<Record<string, string | undefined>>
  readonly endpoints: readonly string[]
}

function Filters({ filter, endpoints }: FiltersProps) {
  const set = (name: string) => (value: string) => change({ [name]: value })
  return (
    <search class="filters" aria-label="Filter deliveries">
      <TextField
        label="Endpoint"
        value={filter.endpoint ?? ''}
        options={endpoints}
        onChange={set('endpoint')}
        placeholder="any"
      />
      <SelectField
        label="Status"
        value={filter.status ?? ''}
        options={[['', 'any'], ...deliveryStatuses]}
        onChange={set('status')}
      />
      <TextField
        label="Postback"
        value={filter.postback ?? ''}
        onChange={set('postback')}
        placeholder="pb_…"
      />
      {(['from', 'to'] as const).map((name) => (
        <TextField
          key={name}
          type="datetime-local"
          label={name === 'from' ? 'Accepted from' : 'Accepted before'}
          value={toField(filter[name], zone)}
          onChange={(text) => change({ [name]: fromField(text, zone) })}
        />
      ))}
    </search>
  )
}

interface DeliveryTableProps {
  readonly deliveries: readonly Delivery[]
  readonly onOpen: (delivery: Delivery) => void
}

function DeliveryTable({ deliveries, onOpen }: DeliveryTableProps) {
  return (
    <DataTable
      caption="Deliveries, the latest accepted first"
      rows={deliveries}
      keyOf={({ id }) => id}
      onOpen={onOpen}
      columns={[
        { title: 'To', kind: 'clip', cell: (it) => targetOf(it) },
        {
          title: 'Status',
          cell: ({ status }) => (
            <Badge tone={toneOf(status)} pulse={status === 'retrying'}>
              {status}
            </Badge>
          ),
        },
        { title: 'Attempts', kind: 'number wide-only', cell: ({ attempts }) => attempts.length },
        { title: 'Last answer', kind: 'wide-only', cell: (it) => <LastAnswer delivery={it} /> },
        { title: 'Id', kind: 'clip mono wide-only', cell: ({ id }) => id },
        { title: 'Accepted', kind: 'number', cell: ({ acceptedAt }) => <Moment time={acceptedAt} /> },
      ]}
    />
  )
}

function LastAnswer({ delivery: { attempts } }: { readonly delivery: Delivery }) {
  const last = attempts.at(-1)
  if (last === undefined) return <span class="muted">none yet</span>
  return (
    <>
      {answerOf(last)} <span class="muted">in {Math.round(last.durationMs)} ms</span>
    </>
  )
}

function NoDeliveries({ filter }: { readonly filter: Readonly<Record<string, string | undefined>> }) {
  return Object.values(filter).some((value) => value !== '') ? (
    <Blank icon="search" title="No delivery is like that">
      Take a filter away, or choose a longer range.
    </Blank>
  ) : (
    <Blank icon="send" title="No deliveries yet">
      <p>A postback, or an event that an endpoint subscribes to, makes the first one.</p>
      <a class="button" href={addressOf('/postbacks')} onClick={follow}>
        Submit a postback
      </a>
    </Blank>
  )
}
