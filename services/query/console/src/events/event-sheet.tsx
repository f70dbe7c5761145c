import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { addressOf } from '../address.ts'
import { formatFull, formatSpan } from '../format.ts'
import { Sheet } from '../parts/dialogs.tsx'
import { Facts, Part } from '../parts/facts.tsx'
import { CopyButton, Json } from '../parts/pieces.tsx'
import { ReplayDialog } from '../parts/replay-dialog.tsx'
import { Fault, Loading } from '../parts/states.tsx'
import type { StoredEvent } from '../types.ts'
import { useRead } from '../use-read.ts'
import { EventStatus } from './event-status.tsx'

interface EventSheetProps {
  readonly id: string | undefined
  readonly source: string | undefined
  readonly onClose: () => void
}

/** One event, and what became of it. */
export function EventSheet({ id, source, onClose }: EventSheetProps) {
  const path = id === undefined ? undefined : addressOf(`/v1/events/${encodeURIComponent(id)}`, { source })
  const { data, error, loading, reload } = useRead<StoredEvent>(path, 5_000)
  return (
    <Sheet
      title={data?.event.type ?? 'Event'}
      open={id !== undefined}
      onClose={onClose}
      aside={data && <EventStatus stored={data} />}
    >
      {loading && <Loading what="the event" />}
      {data === undefined && error !== undefined && <Fault error={error} retry={reload} />}
      {data !== undefined && <Details stored={data} onChanged={reload} />}
    </Sheet>
  )
}

const shownApart: ReadonlySet<string> = new Set([
  'data',
  'data_base64',
  'specversion',
  'id',
  'source',
  'type',
  'time',
])

function Details({ stored, onChanged }: { readonly stored: StoredEvent; readonly onChanged: () => void }) {
  const { event, status, receivedAt, storedAt, application, schemaVersion } = stored
  const [replaying, setReplaying] = useState(false)
  const others = Object.entries(event).filter(([name]) => !shownApart.has(name))
  return (
    <>
      {status === 'invalid' && (
        <Part title="Why it is invalid">
          <div class="notice" data-tone="bad">
            <span>
              {stored.pointer ? <code>{stored.pointer}</code> : 'The event as a whole'}: {stored.reason}
            </span>
            <button type="button" class="button" onClick={() => setReplaying(true)}>
              Replay it
            </button>
          </div>
        </Part>
      )}
      {stored.settlement !== undefined && (
        <Part title="Settled">
          <Facts
            facts={[
              ['Reference', stored.settlement.reference],
              ['When', formatFull(stored.settlement.settledAt)],
              ['By', stored.settlement.by],
            ]}
          />
        </Part>
      )}
      {stored.retraction !== undefined && (
        <Part title={stored.retraction.erased ? 'Retracted and erased' : 'Retracted'}>
          <Facts
            facts={[
              ['When', formatFull(stored.retraction.retractedAt)],
              ['By', stored.retraction.by],
            ]}
          />
        </Part>
      )}
      <Part title="Event">
        <Facts
          facts={[
            ['Id', <code key="id">{event.id}</code>],
            ['Source', event.source],
            ['Occurred', `${formatFull(event.time)} (${event.time})`],
            ...others.map(([name, value]): [string, ComponentChildren] => [name, String(value)]),
          ]}
        />
      </Part>
      <Part title="Data">
        {event.data === undefined && event.data_base64 === undefined ? (
          <p class="muted">It carries none.</p>
        ) : (
          <Json label="Data of the event" value={event.data ?? event.data_base64} />
        )}
      </Part>
      <Part title="How it came">
        <Facts
          facts={[
            ['Received', `${formatFull(receivedAt)} (${receivedAt})`],
            ['Stored', `${formatSpan(Date.parse(storedAt) - Date.parse(receivedAt))} later`],
            ['Application', application],
            ['Schema version', schemaVersion === 0 ? 'there was none' : String(schemaVersion)],
          ]}
        />
      </Part>
      <div class="form-actions">
        <CopyButton text={JSON.stringify(event, null, 2)} what="Copy as JSON" />
      </div>
      <ReplayDialog
        open={replaying}
        onClose={() => {
          setReplaying(false)
          onChanged()
        }}
        what="events"
        initial={{ ids: event.id, source: event.source }}
      />
    </>
  )
}
