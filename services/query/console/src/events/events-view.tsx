import { useState } from 'preact/hooks'
import { addressOf } from '../address.ts'
import { DataTable } from '../parts/data-table.tsx'
import { SelectField, TextField } from '../parts/fields.tsx'
import { Icon } from '../parts/icon.tsx'
import { Card, LoadMore, Moment, ViewHead } from '../parts/pieces.tsx'
import { ReplayDialog } from '../parts/replay-dialog.tsx'
import { Blank, Fault, Loading, Needs, Stale } from '../parts/states.tsx'
import { fromField, toField } from '../reports/zoned-time.ts'
import { change, usePlace } from '../router.ts'
import { useSession } from '../session.ts'
import type { EventType, StoredEvent } from '../types.ts'
import { usePages } from '../use-pages.ts'
import { useRead } from '../use-read.ts'
import { EventSheet } from './event-sheet.tsx'
import { EventStatus } from './event-status.tsx'

const refreshMs = 4_000
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone

export function EventsView() {
  return (
    <Needs scope="events:read" to="read events">
      <Events />
    </Needs>
  )
}

function Events() {
  const { query } = usePlace()
  const filter = Object.fromEntries(
    ['type', 'subject', 'source', 'status', 'from', 'to'].map((name) => [name, query.get(name) ?? '']),
  )
  // The source of the event that is looked at is no filter.
  const opened = query.get('id') ?? undefined
  const listed = opened === undefined ? filter : { ...filter, source: query.get('by') ?? '' }
  const events = usePages<StoredEvent>(addressOf('/v1/events', listed), 'events', refreshMs)
  const [replaying, setReplaying] = useState(false)
  const open = ({ event }: StoredEvent) =>
    change({ id: event.id, source: event.source, by: listed.source }, 'push')
  const close = () => change({ id: undefined, source: listed.source, by: undefined })
  return (
    <>
      <ViewHead title="Events" about="What was accepted and what became of it, the latest received first.">
        <button type="button" class="button" onClick={() => setReplaying(true)}>
          <Icon name="replay" /> Replay invalid events
        </button>
      </ViewHead>
      <div class="stack">
        <Stale error={events.stale ? events.error : undefined} retry={events.reload} />
        <Card title="Events" flush>
          <Filters filter={listed} />
          <EventTable events={events.items} onOpen={open} />
          {events.loading && <Loading what="events" rows={8} />}
          {events.error !== undefined && !events.stale && (
            <Fault error={events.error} retry={events.reload} />
          )}
          {!events.loading && events.error === undefined && events.items.length === 0 && (
            <NoEvents filter={listed} />
          )}
          {events.items.length > 0 && (
            <LoadMore
              count={events.items.length}
              what="events"
              more={events.more}
              loading={events.loadingMore}
            />
          )}
        </Card>
      </div>
      <EventSheet id={opened} source={query.get('source') ?? undefined} onClose={close} />
      <ReplayDialog
        open={replaying}
        onClose={() => setReplaying(false)}
        what="events"
        initial={{ eventType: listed.type, source: listed.source, from: listed.from, to: listed.to }}
      />
    </>
  )
}

function Filters({ filter }: { readonly filter: Readonly<Record<string, string | undefined>> }) {
  const { can } = useSession()
  const types = useRead<{ eventTypes: readonly EventType[] }>(
    can('catalog:read') ? '/v1/event-types' : undefined,
  )
  const set = (name: string) => (value: string) => change({ [name]: value })
  return (
    <search class="filters" aria-label="Filter events">
      <TextField
        label="Type"
        value={filter.type ?? ''}
        options={types.data?.eventTypes.map(({ name }) => name) ?? []}
        onChange={set('type')}
        placeholder="any"
      />
      <SelectField
        label="Status"
        value={filter.status ?? ''}
        options={[['', 'any'], 'processed', 'invalid']}
        onChange={set('status')}
      />
      <TextField label="Subject" value={filter.subject ?? ''} onChange={set('subject')} placeholder="any" />
      <TextField label="Source" value={filter.source ?? ''} onChange={set('source')} placeholder="any" />
      {(['from', 'to'] as const).map((name) => (
        <TextField
          key={name}
          type="datetime-local"
          label={name === 'from' ? 'Occurred from' : 'Occurred before'}
          value={toField(filter[name], zone)}
          onChange={(text) => change({ [name]: fromField(text, zone) })}
        />
      ))}
    </search>
  )
}

interface EventTableProps {
  readonly events: readonly StoredEvent[]
  readonly onOpen: (event: StoredEvent) => void
}

function EventTable({ events, onOpen }: EventTableProps) {
  if (events.length === 0) return null
  return (
    <DataTable
      caption="Events, the latest received first"
      rows={events}
      keyOf={({ event, status, receivedAt }) => `${event.source} ${event.id} ${status} ${receivedAt}`}
      onOpen={onOpen}
      columns={[
        { title: 'Type', kind: 'nowrap', cell: ({ event }) => event.type },
        { title: 'Status', cell: (it) => <EventStatus stored={it} /> },
        { title: 'Id', kind: 'clip mono wide-only', cell: ({ event }) => event.id },
        { title: 'Subject', kind: 'clip wide-only', cell: ({ event }) => event.subject ?? '' },
        { title: 'Source', kind: 'clip wide-only', cell: ({ event }) => event.source },
        { title: 'Received', kind: 'number', cell: ({ receivedAt }) => <Moment time={receivedAt} /> },
      ]}
    />
  )
}

function NoEvents({ filter }: { readonly filter: Readonly<Record<string, string | undefined>> }) {
  const filtered = Object.values(filter).some((value) => value !== '' && value !== undefined)
  return filtered ? (
    <Blank icon="search" title="No event is like that">
      Take a filter away, or choose a longer range.
    </Blank>
  ) : (
    <Blank icon="inbox" title="No events yet">
      <p>Send one to ingest, and it stands here within a second:</p>
      <pre class="code">{`curl "$INGEST/v1/events" \\
  -H "authorization: Bearer $KEY" \\
  -H "content-type: application/json" \\
  -d '{"type": "visit.recorded", "data": {"path": "/"}}'`}</pre>
    </Blank>
  )
}
