import { addressOf } from '../address.ts'
import { formatGroup, formatNumber } from '../format.ts'
import { Card } from '../parts/pieces.tsx'
import { Blank } from '../parts/states.tsx'
import { follow } from '../router.ts'
import type { LiveGroup } from '../types.ts'
import type { Live } from './use-live.ts'

export function TopGroups({ live: { message }, meter }: { readonly live: Live; readonly meter: string }) {
  const { top = [], dimensions = [] } = message ?? {}
  const report = addressOf('/reports', { meter, range: '24h', groupBy: dimensions[0], order: '-value' })
  return (
    <Card
      title="Top groups"
      aside={
        <>
          {dimensions.length > 0 && <span>by {dimensions.join(', ')}</span>}
          <a href={report} onClick={follow}>
            As a report
          </a>
        </>
      }
    >
      {message !== undefined && dimensions.length === 0 ? (
        <Blank slim icon="list" title="No groups">
          This meter has no dimensions. Give it a groupBy to see who leads.
        </Blank>
      ) : top.length === 0 ? (
        <Blank slim icon="list" title="Nothing to rank yet">
          The ten largest groups of the last five minutes stand here.
        </Blank>
      ) : (
        <Ranks groups={top} />
      )}
    </Card>
  )
}

export function Ranks({ groups }: { readonly groups: readonly LiveGroup[] }) {
  const largest = Math.max(...groups.map(({ value }) => Math.abs(value ?? 0)), 0)
  return (
    <ol class="ranks">
      {groups.map(({ group, value }) => {
        const share = largest === 0 ? 0 : Math.abs(value ?? 0) / largest
        const label = formatGroup(group)
        return (
          <li key={label}>
            <span class="bar" style={{ width: `${Math.max(1, share * 100)}%` }} />
            <span class="name" title={label}>
              {label}
            </span>
            <span class="value">{formatNumber(value)}</span>
          </li>
        )
      })}
    </ol>
  )
}
