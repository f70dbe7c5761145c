import type { ComponentChildren } from 'preact'
import { EndpointBadge } from '../deliveries/endpoint-state.tsx'
import { formatNumber, none } from '../format.ts'
import type { Column } from '../parts/data-table.tsx'
import { Badge, Moment } from '../parts/pieces.tsx'
import type { Endpoint, EventType, Key, Meter, Replay } from '../types.ts'

/** A resource of any kind: its members are what the API tells. */
export type Item = Readonly<Record<string, unknown>>

export interface Kind {
  readonly title: string
  /** Of the API, and in the address. */
  readonly path: string
  /** Of the answer. */
  readonly member: string
  readonly scope: string
  readonly about: string
  /** What to do where there is none. */
  readonly blank: string
  readonly columns: readonly Column<Item>[]
}

/** A column over resources of one kind. */
function column<Resource>(
  title: string,
  cell: (resource: Resource) => ComponentChildren,
  kind?: string,
): Column<Item> {
  return { title, cell: (item) => cell(item as Resource), ...(kind !== undefined && { kind }) }
}

const changed = column<{ updatedAt: string }>(
  'Changed',
  ({ updatedAt }) => <Moment time={updatedAt} />,
  'number',
)
const version = column<{ version: number }>('Version', (it) => it.version, 'number wide-only')
const name = column<{ name: string }>('Name', (it) => it.name)
const list = (texts: readonly string[] | undefined): string => texts?.join(', ') ?? none

export const kinds: readonly Kind[] = [
  {
    title: 'Event types',
    path: 'event-types',
    member: 'eventTypes',
    scope: 'catalog:read',
    about: 'Schemas of data, how old events may be, what they are worth',
    blank:
      'PUT /v1/event-types/{type} of ingest writes one. Events of other types are accepted without a schema.',
    columns: [
      name,
      column<EventType>('Schema', ({ schema }) => (schema === undefined ? none : 'yes')),
      column<EventType>('Checked', ({ validation = 'after' }) => `${validation} acceptance`, 'wide-only'),
      column<EventType>('Max. age', ({ maxAge }) => maxAge ?? none, 'wide-only'),
      column<EventType>('Kept', ({ retention }) => retention ?? 'for ever', 'wide-only'),
      column<EventType>('Rates', ({ rates }) => rates?.length ?? 0, 'number wide-only'),
      version,
      changed,
    ],
  },
  {
    title: 'Meters',
    path: 'meters',
    member: 'meters',
    scope: 'catalog:read',
    about: 'How events become numbers',
    blank: 'PUT /v1/meters/{meter} of ingest writes one. It counts the past too.',
    columns: [
      name,
      column<Meter>('Aggregation', ({ aggregation }) => <Badge tone="accent">{aggregation}</Badge>),
      column<Meter>('Event types', ({ eventTypes }) => list(eventTypes), 'wide-only wrap-anywhere'),
      column<Meter>('Groups', ({ groupBy = {} }) => Object.keys(groupBy).join(', ') || none, 'wide-only'),
      version,
      changed,
    ],
  },
  {
    title: 'Endpoints',
    path: 'endpoints',
    member: 'endpoints',
    scope: 'catalog:read',
    about: 'Registered receivers of events',
    blank: 'PUT /v1/endpoints/{endpoint} of ingest writes one.',
    columns: [
      name,
      column<Endpoint>('State', (endpoint) => <EndpointBadge endpoint={endpoint} />),
      column<Endpoint>('URL', ({ method = 'POST', url }) => `${method} ${url}`, 'clip wide-only'),
      column<Endpoint>(
        'Event types',
        ({ eventTypes = ['*'] }) => list(eventTypes),
        'wide-only wrap-anywhere',
      ),
      version,
      changed,
    ],
  },
  {
    title: 'Keys',
    path: 'keys',
    member: 'keys',
    scope: 'keys:admin',
    about: 'Who may do what. Their texts are kept nowhere',
    blank: 'POST /v1/keys of ingest issues one. The root key is not among them.',
    columns: [
      column<Key>('Application', ({ application }) => application),
      column<Key>('Id', ({ id }) => <code>{id}</code>, 'wide-only nowrap'),
      column<Key>('Scopes', ({ scopes }) => list(scopes), 'wide-only wrap-anywhere'),
      column<Key>(
        'Constrained',
        ({ constraints }) => (constraints === undefined ? none : 'yes'),
        'wide-only',
      ),
      column<Key>(
        'Last used',
        ({ lastUsedAt }) => (lastUsedAt ? <Moment time={lastUsedAt} /> : none),
        'number',
      ),
    ],
  },
  {
    title: 'Replays',
    path: 'replays',
    member: 'replays',
    scope: 'catalog:read',
    about: 'What was re-driven',
    blank: 'Replay invalid events or dead deliveries from their views.',
    columns: [
      column<Replay>('Id', ({ id }) => <code>{id}</code>, 'clip'),
      column<Replay>('What', ({ what }) => what),
      column<Replay>('Status', ({ status }) => (
        <Badge tone={status === 'done' ? 'good' : 'accent'}>{status}</Badge>
      )),
      column<Replay>('Selected', ({ selected }) => formatNumber(selected), 'number wide-only'),
      column<Replay>('Re-driven', ({ processed }) => formatNumber(processed), 'number wide-only'),
      column<Replay>('Requested', ({ requestedAt }) => <Moment time={requestedAt} />, 'number'),
    ],
  },
]
