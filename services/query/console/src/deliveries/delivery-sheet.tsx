import { useState } from 'preact/hooks'
import { addressOf } from '../address.ts'
import { formatFull, formatSpan } from '../format.ts'
import { Sheet } from '../parts/dialogs.tsx'
import { Facts, Part } from '../parts/facts.tsx'
import { Badge, Json, Moment } from '../parts/pieces.tsx'
import { ReplayDialog } from '../parts/replay-dialog.tsx'
import { Fault, Loading } from '../parts/states.tsx'
import { follow } from '../router.ts'
import type { Attempt, Delivery, Transition } from '../types.ts'
import { useRead } from '../use-read.ts'
import { answerOf, targetOf, toneOf } from './delivery-words.ts'

/** One delivery with all its attempts. */
export function DeliverySheet({
  id,
  onClose,
}: {
  readonly id: string | undefined
  readonly onClose: () => void
}) {
  const path = id === undefined ? undefined : `/v1/deliveries/${encodeURIComponent(id)}`
  const { data, error, loading, reload } = useRead<Delivery>(path, 2_000)
  return (
    <Sheet
      title={data === undefined ? 'Delivery' : targetOf(data)}
      open={id !== undefined}
      onClose={onClose}
      aside={data && <Badge tone={toneOf(data.status)}>{data.status}</Badge>}
    >
      {loading && <Loading what="the delivery" />}
      {data === undefined && error !== undefined && <Fault error={error} retry={reload} />}
      {data !== undefined && <Details delivery={data} onChanged={reload} />}
    </Sheet>
  )
}

function Details({ delivery, onChanged }: { readonly delivery: Delivery; readonly onChanged: () => void }) {
  const { id, postbackId, endpoint, event, status, acceptedAt } = delivery
  const history = historyOf(delivery)
  const [replaying, setReplaying] = useState(false)
  return (
    <>
      {(status === 'dead' || status === 'held') && (
        <div class="notice" data-tone={status === 'dead' ? 'bad' : 'warn'}>
          <span>
            {status === 'dead' ? 'It was given up.' : 'It is kept until it is released or replayed.'}
          </span>
          <button type="button" class="button" onClick={() => setReplaying(true)}>
            Replay it
          </button>
        </div>
      )}
      <Part title="Delivery">
        <Facts
          facts={[
            ['Id', <code key="id">{id}</code>],
            ...(endpoint === undefined ? [] : [['Endpoint', endpoint] as const]),
            ...(postbackId === undefined
              ? []
              : [['Postback', <code key="postback">{postbackId}</code>] as const]),
            ...(event === undefined ? [] : [['Event', <EventLink key="event" event={event} />] as const]),
            ['Accepted', `${formatFull(acceptedAt)} (${acceptedAt})`],
          ]}
        />
      </Part>
      <Part title="Attempts">
        {history.length === 0 ? (
          <p class="muted">None yet.</p>
        ) : (
          <ol class="timeline">
            {history.map(({ at, what }) =>
              'number' in what ? (
                <AttemptItem key={`${what.number} ${at}`} attempt={what} />
              ) : (
                <TransitionItem key={`${what.to} ${at}`} transition={what} />
              ),
            )}
          </ol>
        )}
      </Part>
      <ReplayDialog
        open={replaying}
        onClose={() => {
          setReplaying(false)
          onChanged()
        }}
        what="deliveries"
        initial={{ ids: id, status: status === 'held' ? 'held' : 'dead' }}
      />
    </>
  )
}

/** Requests, and what happened between them, as it came. */
function historyOf({ attempts, transitions = [] }: Delivery): { at: string; what: Attempt | Transition }[] {
  const all = [
    ...attempts.map((attempt) => ({ at: attempt.startedAt, what: attempt })),
    ...transitions.map((transition) => ({ at: transition.at, what: transition })),
  ]
  return all.sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
}

function EventLink({ event: { id, source, type } }: { readonly event: NonNullable<Delivery['event']> }) {
  return (
    <a href={addressOf('/events', { id, source })} onClick={follow}>
      {type} {id}
    </a>
  )
}

function TransitionItem({ transition: { to, at, reason, replay } }: { readonly transition: Transition }) {
  return (
    <li data-tone={toneOf(to)}>
      <div class="timeline-head">
        <strong>{to === 'redriven' ? 'taken up again' : to}</strong>
        <span>{reason?.replaceAll('_', ' ')}</span>
        <span class="muted">
          <Moment time={at} />
        </span>
      </div>
      {replay !== undefined && (
        <p class="small muted">
          by the replay <code>{replay}</code>
        </p>
      )}
    </li>
  )
}

function AttemptItem({ attempt }: { readonly attempt: Attempt }) {
  const { number, outcome, method, url, startedAt, durationMs, nextAttemptAt } = attempt
  return (
    <li data-tone={toneOf(outcome)}>
      <div class="timeline-head">
        <strong>{answerOf(attempt)}</strong>
        <span>
          Attempt {number}, {formatSpan(durationMs)}
        </span>
        <span class="muted">
          <Moment time={startedAt} />
        </span>
      </div>
      <p class="small wrap-anywhere">
        <code>
          {method} {url}
        </code>
      </p>
      {attempt.errorDetail !== undefined && attempt.errorDetail !== '' && (
        <p class="small muted wrap-anywhere">{attempt.errorDetail}</p>
      )}
      {attempt.responseBody !== undefined && attempt.responseBody !== '' && (
        <Json
          label={`Response body of attempt ${number}`}
          value={attempt.responseBody + (attempt.responseBodyTruncated ? '\n… cut off' : '')}
        />
      )}
      {nextAttemptAt !== undefined && (
        <p class="small muted">
          {Date.parse(nextAttemptAt) > Date.now() ? 'Next one due' : 'Next one was due'}{' '}
          {formatFull(nextAttemptAt)}
        </p>
      )}
    </li>
  )
}
