import { addressOf } from '../address.ts'
import { formatFull } from '../format.ts'
import { Badge } from '../parts/pieces.tsx'
import { follow } from '../router.ts'
import type { Endpoint } from '../types.ts'

/** Whether an endpoint takes deliveries now, and if not, why. */
export function EndpointState({ endpoint }: { readonly endpoint: Endpoint }) {
  const { name, url, enabled = true, disabled } = endpoint
  return (
    <div class="notice" data-tone={enabled ? 'none' : 'warn'}>
      <span class="wrap-anywhere">
        <EndpointBadge endpoint={endpoint} /> <strong>{name}</strong> <span class="muted">{url}</span>
        {disabled !== undefined && (
          <>
            <br />
            Disabled {formatFull(disabled.at)}: {disabled.reason} Its deliveries are held until it is put with
            enabled true.
          </>
        )}
      </span>
      <a class="button" href={addressOf('/catalog', { kind: 'endpoints', name })} onClick={follow}>
        Settings
      </a>
    </div>
  )
}

export function EndpointBadge({ endpoint: { enabled = true } }: { readonly endpoint: Endpoint }) {
  return <Badge tone={enabled ? 'good' : 'warn'}>{enabled ? 'enabled' : 'disabled'}</Badge>
}
