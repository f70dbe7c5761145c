import { useState } from 'preact/hooks'
import { type ApiError, command } from '../api.ts'
import { AreaField, SelectField, TextField } from '../parts/fields.tsx'
import { Icon } from '../parts/icon.tsx'
import { Card, ViewHead } from '../parts/pieces.tsx'
import { Blank, Needs } from '../parts/states.tsx'
import { change, usePlace } from '../router.ts'
import { useSession } from '../session.ts'
import { PostbackProgress } from './postback-progress.tsx'
import {
  type DraftFaults,
  firstDraft,
  hasBody,
  type PostbackDraft,
  previewUrl,
  toRequest,
} from './postback-request.ts'

export function PostbackView() {
  const { takesCommands } = useSession()
  const { query } = usePlace()
  const id = query.get('id') ?? undefined
  return (
    <>
      <ViewHead
        title="Postback"
        about="One request to a third party for each data object, tried until it gets through."
      />
      <Needs scope="postbacks:write" to="submit postbacks">
        {takesCommands ? (
          <div class="two-columns">
            <Card title="Request">
              <PostbackForm onAccepted={(accepted) => change({ id: accepted })} />
            </Card>
            {id === undefined ? (
              <Card title="What becomes of it">
                <Blank slim icon="send" title="Nothing submitted yet">
                  The status of your postback and of each of its deliveries stands here.
                </Blank>
              </Card>
            ) : (
              <PostbackProgress key={id} id={id} />
            )}
          </div>
        ) : (
          <div class="card">
            <Blank icon="lock" title="This console only reads">
              <p>
                Set <code>QUERY_INGEST_URL</code> of the query service to the address of ingest, and commands
                can be sent from here.
              </p>
            </Blank>
          </div>
        )}
      </Needs>
    </>
  )
}

function PostbackForm({ onAccepted }: { readonly onAccepted: (id: string) => void }) {
  const [draft, setDraft] = useState<PostbackDraft>(firstDraft)
  const [faults, setFaults] = useState<DraftFaults>({})
  const [refused, setRefused] = useState<ApiError>()
  const [busy, setBusy] = useState(false)
  const set = (name: keyof PostbackDraft) => (value: string) => setDraft({ ...draft, [name]: value })
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const request = toRequest(draft)
    setRefused(undefined)
    setFaults('faults' in request ? request.faults : {})
    if ('faults' in request) return
    setBusy(true)
    try {
      onAccepted((await command<{ id: string }>('/v1/postbacks', request.body)).id)
    } catch (error) {
      setRefused(error as ApiError)
    }
    setBusy(false)
  }
  const preview = previewUrl(draft)
  return (
    <form class="form" onSubmit={submit} noValidate>
      <div class="request-line">
        <SelectField
          label="Method"
          value={draft.method}
          options={['GET', 'POST', 'PUT', 'PATCH', 'DELETE']}
          onChange={set('method')}
        />
        <TextField
          label="URL"
          value={draft.url}
          onChange={set('url')}
          placeholder="https://partner.example/hook?title={mascot}"
          fault={faults.url}
          mono
          eager
        />
      </div>
      <AreaField
        label="Data, an object or a list of them"
        rows={6}
        value={draft.data}
        onChange={set('data')}
        fault={faults.data}
        hint={'Each {key} of the URL is replaced by that member; nested ones have dots.'}
      />
      {draft.url !== '' && preview !== undefined && (
        <p class="small wrap-anywhere">
          <span class="muted">The first one goes to</span> <code>{preview}</code>
        </p>
      )}
      {hasBody(draft.method) && (
        <AreaField
          label="Body template"
          rows={3}
          value={draft.body}
          onChange={set('body')}
          hint="Empty sends the data object itself as JSON."
        />
      )}
      <AreaField
        label="Defaults for what the data lacks"
        rows={2}
        value={draft.defaults}
        onChange={set('defaults')}
        fault={faults.defaults}
        hint={'Such as {"bar": ""}. May be empty.'}
      />
      <AreaField
        label="Headers"
        rows={2}
        value={draft.headers}
        onChange={set('headers')}
        fault={faults.headers}
        hint="One a line, name: value. May be empty."
      />
      <SelectField
        label="When it fails"
        value={draft.retry}
        options={[
          ['webhook', 'Try 8 times over about a day'],
          ['5xx-only', 'Try 5 times, 15 minutes apart; 4xx ends it'],
        ]}
        onChange={set('retry')}
      />
      {refused !== undefined && <Refusal error={refused} />}
      <div class="form-actions">
        <button type="submit" class="button primary" disabled={busy}>
          <Icon name="send" /> {busy ? 'Submitting…' : 'Submit'}
        </button>
      </div>
    </form>
  )
}

function Refusal({ error }: { readonly error: ApiError }) {
  return (
    <div class="notice" data-tone="bad" role="alert">
      <span>
        {error.message}
        {error.faults.length > 0 && (
          <ul>
            {error.faults.map(({ pointer, detail }) => (
              <li key={pointer + detail}>
                <code>{pointer}</code> {detail}
              </li>
            ))}
          </ul>
        )}
      </span>
    </div>
  )
}
