import { useEffect, useState } from 'preact/hooks'
import { addressOf } from '../address.ts'
import { DeliverySheet } from '../deliveries/delivery-sheet.tsx'
import { deliveryStatuses, outcomeOf, targetOf, toneOf } from '../deliveries/delivery-words.ts'
import { formatNumber } from '../format.ts'
import { Badge, Card } from '../parts/pieces.tsx'
import { Blank, Fault, Loading } from '../parts/states.tsx'
import { follow } from '../router.ts'
import { useSession } from '../session.ts'
import type { Postback } from '../types.ts'
import { useRead } from '../use-read.ts'

const shown = 20

/** What became of a postback, and goes on becoming. */
export function PostbackProgress({ id }: { readonly id: string }) {
  const { can } = useSession()
  const [opened, setOpened] = useState<string>()
  const may = can('deliveries:read')
  const [landed, setLanded] = useState(false)
  // Until a delivery has been written down nobody knows of the postback: a list that is still empty is no fault.
  const first = useRead<{ deliveries: readonly unknown[] }>(
    may ? addressOf('/v1/deliveries', { postback: id, limit: '1' }) : undefined,
    landed ? 0 : 500,
  )
  useEffect(() => setLanded(landed || (first.data?.deliveries.length ?? 0) > 0), [first.data])
  const status = useRead<Postback>(landed ? `/v1/postbacks/${encodeURIComponent(id)}` : undefined, 1_000)
  const { data, reload } = status
  const error = status.error ?? first.error
  return (
    <Card
      title="What becomes of it"
      aside={data !== undefined && <Badge tone={toneOf(data.status)}>{data.status}</Badge>}
    >
      <div class="form">
        <p class="wrap-anywhere">
          Accepted as <code>{id}</code>. It is kept, whatever happens now.
        </p>
        {!may && (
          <Blank slim icon="lock" title="This key may not read what became of it">
            It lacks the scope deliveries:read.
          </Blank>
        )}
        {data === undefined && error !== undefined && (
          <Fault error={error} retry={landed ? reload : first.reload} />
        )}
        {data === undefined && error === undefined && may && <Loading what="its status" rows={3} />}
        {data !== undefined && (
          <>
            <Counts postback={data} />
            <ul class="feed">
              {data.deliveries.slice(0, shown).map((delivery) => (
                <li key={delivery.id}>
                  <button
                    type="button"
                    class="row-link"
                    style={{ position: 'static' }}
                    onClick={() => setOpened(delivery.id)}
                  >
                    {targetOf(delivery)}
                  </button>
                  <Badge tone={toneOf(delivery.status)}>{delivery.status}</Badge>
                  <span class="note">{outcomeOf(delivery)}</span>
                </li>
              ))}
            </ul>
            <a href={addressOf('/deliveries', { postback: id })} onClick={follow}>
              All its deliveries
            </a>
          </>
        )}
      </div>
      <DeliverySheet id={opened} onClose={() => setOpened(undefined)} />
    </Card>
  )
}

function Counts({ postback: { counts } }: { readonly postback: Postback }) {
  return (
    <p role="status">
      {deliveryStatuses
        .filter((status) => (counts[status] ?? 0) > 0)
        .map((status) => `${formatNumber(counts[status] ?? 0)} ${status}`)
        .join(', ')}
    </p>
  )
}
