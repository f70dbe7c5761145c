import { addressOf } from '../address.ts'
import { outcomeOf } from '../deliveries/delivery-words.ts'
import { Badge, Card, Moment } from '../parts/pieces.tsx'
import { Blank } from '../parts/states.tsx'
import { follow } from '../router.ts'
import { useSession } from '../session.ts'
import type { Delivery, StoredEvent } from '../types.ts'
import { useRead } from '../use-read.ts'

const pollMs = 5_000
const shown = 3

/** What somebody should look at: the latest invalid events and the deliveries that do not get through. */
export function Attention() {
  const { can } = useSession()
  const invalid = useRead<{ events: readonly StoredEvent[] }>(
    can('events:read') ? `/v1/events?status=invalid&limit=${shown}` : undefined,
    pollMs,
  )
  const dead = useRead<{ deliveries: readonly Delivery[] }>(
    can('deliveries:read') ? `/v1/deliveries?status=dead&limit=${shown}` : undefined,
    pollMs,
  )
  const events = invalid.data?.events ?? []
  const deliveries = dead.data?.deliveries ?? []
  if (!can('events:read') && !can('deliveries:read')) return null
  const quiet = events.length + deliveries.length === 0
  return (
    <Card title="Needs attention">
      {quiet && !invalid.loading && !dead.loading && (
        <Blank slim icon="check" title="Nothing does">
          Every event was valid, no delivery was given up.
        </Blank>
      )}
      <ul class="feed">
        {events.map(({ event, reason, receivedAt }) => (
          <li key={`${event.source} ${event.id}`}>
            <a
              href={addressOf('/events', { status: 'invalid', id: event.id, source: event.source })}
              onClick={follow}
            >
              {event.type}
            </a>
            <span class="card-aside">
              <Badge tone="bad">invalid</Badge>
              <Moment time={receivedAt} />
            </span>
            <span class="note" title={reason}>
              {reason}
            </span>
          </li>
        ))}
        {deliveries.map((delivery) => (
          <li key={delivery.id}>
            <a href={addressOf('/deliveries', { status: 'dead', id: delivery.id })} onClick={follow}>
              {delivery.endpoint ?? 'postback'}
            </a>
            <span class="card-aside">
              <Badge tone="bad">dead</Badge>
              <Moment time={delivery.acceptedAt} />
            </span>
            <span class="note">{outcomeOf(delivery)}</span>
          </li>
        ))}
      </ul>
    </Card>
  )
}
