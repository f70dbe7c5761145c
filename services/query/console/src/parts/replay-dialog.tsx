import { useEffect, useState } from 'preact/hooks'
import { type ApiError, command } from '../api.ts'
import { formatNumber } from '../format.ts'
import { fromField, toField } from '../reports/zoned-time.ts'
import { useSession } from '../session.ts'
import type { Replay } from '../types.ts'
import { useRead } from '../use-read.ts'
import { Modal } from './dialogs.tsx'
import { SelectField, TextField } from './fields.tsx'
import { Icon } from './icon.tsx'
import { Blank } from './states.tsx'

type Filter = Readonly<Record<string, string | undefined>>

interface ReplayDialogProps {
  readonly open: boolean
  readonly onClose: () => void
  readonly what: 'events' | 'deliveries'
  /** `ids` stands for one thing alone. */
  readonly initial: Filter
}

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone

/** Re-drives what a filter selects, and shows how far it has come. */
export function ReplayDialog({ open, onClose, what, initial }: ReplayDialogProps) {
  const { can, takesCommands } = useSession()
  const scope = what === 'events' ? 'events:write' : 'deliveries:replay'
  return (
    <Modal
      title={what === 'events' ? 'Replay invalid events' : 'Replay deliveries'}
      open={open}
      onClose={onClose}
    >
      {!takesCommands ? (
        <Blank slim icon="lock" title="This console only reads">
          Set QUERY_INGEST_URL of the query service to send commands from here.
        </Blank>
      ) : !can(scope) ? (
        <Blank slim icon="lock" title="This key may not replay them">
          {`It lacks the scope ${scope}.`}
        </Blank>
      ) : (
        <ReplayForm what={what} initial={initial} />
      )}
    </Modal>
  )
}

function ReplayForm({ what, initial }: Pick<ReplayDialogProps, 'what' | 'initial'>) {
  const [filter, setFilter] = useState<Filter>({
    ...(what === 'deliveries' && { status: 'dead' }),
    ...initial,
  })
  const [rate, setRate] = useState('100')
  const [accepted, setAccepted] = useState<Replay>()
  const [fault, setFault] = useState<ApiError>()
  const [busy, setBusy] = useState(false)
  if (accepted !== undefined) return <ReplayProgress id={accepted.id} first={accepted} />
  const set = (name: string) => (value: string | undefined) => setFilter({ ...filter, [name]: value })
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setFault(undefined)
    try {
      setAccepted(await command<Replay>('/v1/replays', JSON.stringify(toRequest(what, filter, Number(rate)))))
    } catch (error) {
      setFault(error as ApiError)
    }
    setBusy(false)
  }
  return (
    <form class="form" onSubmit={submit}>
      <p class="muted">
        {what === 'events'
          ? 'They are judged again by the schema of now. Nothing is counted twice.'
          : 'They are sent again, with the same webhook-id, on a fresh schedule.'}
      </p>
      {filter.ids === undefined ? (
        <FilterFields what={what} filter={filter} set={set} />
      ) : (
        <p>
          Only <code class="wrap-anywhere">{filter.ids}</code>
        </p>
      )}
      <TextField type="number" label="At most, a second" value={rate} onChange={setRate} />
      {fault !== undefined && (
        <div class="notice" data-tone="bad" role="alert">
          <span>{[fault.message, ...fault.faults.map((it) => `${it.pointer} ${it.detail}`)].join(' ')}</span>
        </div>
      )}
      <div class="form-actions">
        <button type="submit" class="button primary" disabled={busy}>
          <Icon name="replay" /> {busy ? 'Starting…' : 'Start the replay'}
        </button>
      </div>
    </form>
  )
}

interface FilterFieldsProps {
  readonly what: 'events' | 'deliveries'
  readonly filter: Filter
  readonly set: (name: string) => (value: string | undefined) => void
}

function FilterFields({ what, filter, set }: FilterFieldsProps) {
  return (
    <>
      <TextField
        label="Event type"
        value={filter.eventType ?? ''}
        onChange={set('eventType')}
        placeholder="any"
      />
      {what === 'events' ? (
        <TextField label="Source" value={filter.source ?? ''} onChange={set('source')} placeholder="any" />
      ) : (
        <>
          <TextField
            label="Endpoint"
            value={filter.endpoint ?? ''}
            onChange={set('endpoint')}
            placeholder="any"
          />
          <SelectField
            label="Status"
            value={filter.status ?? 'dead'}
            options={['dead', 'held']}
            onChange={set('status')}
          />
        </>
      )}
      {(['from', 'to'] as const).map((name) => (
        <TextField
          key={name}
          type="datetime-local"
          label={`${what === 'events' ? 'Received' : 'Accepted'} ${name === 'from' ? 'from' : 'before'}`}
          value={toField(filter[name], zone)}
          onChange={(text) => set(name)(fromField(text, zone))}
        />
      ))}
    </>
  )
}

function toRequest(what: 'events' | 'deliveries', { ids, ...filter }: Filter, ratePerSecond: number): object {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined && value !== '')
  return {
    what,
    filter: {
      ...Object.fromEntries(given),
      ...(what === 'events' && { status: 'invalid' }),
      ...(ids !== undefined && { ids: [ids] }),
    },
    ratePerSecond,
  }
}

/** Followed until it is done; keys that may not read the catalog are told its id. */
function ReplayProgress({ id, first }: { readonly id: string; readonly first: Replay }) {
  const { can } = useSession()
  const [done, setDone] = useState(false)
  const reading = useRead<Replay>(can('catalog:read') ? `/v1/replays/${id}` : undefined, done ? 0 : 700)
  const replay = reading.data ?? first
  const { status, selected = 0, processed = 0, stillInvalid = 0 } = replay
  useEffect(() => setDone(status === 'done'), [status])
  const share = status === 'done' ? 1 : selected === 0 ? 0 : (processed + stillInvalid) / selected
  return (
    <div class="form" role="status">
      <p>
        Replay <code>{id}</code> {status === 'done' ? 'is done.' : `is ${status}.`}
      </p>
      <div class="progress" aria-hidden="true">
        <i style={{ width: `${Math.min(100, share * 100)}%` }} />
      </div>
      <p class="muted">
        {formatNumber(selected)} selected, {formatNumber(processed)} re-driven
        {replay.what === 'events' && `, ${formatNumber(stillInvalid)} still invalid`}
      </p>
    </div>
  )
}
