import { Badge } from '../parts/pieces.tsx'
import type { StoredEvent } from '../types.ts'

export function EventStatus({ stored }: { readonly stored: StoredEvent }) {
  if (stored.retraction !== undefined) return <Badge tone="warn">retracted</Badge>
  if (stored.status === 'invalid') return <Badge tone="bad">invalid</Badge>
  return <Badge tone="good">{stored.settlement === undefined ? 'processed' : 'settled'}</Badge>
}
