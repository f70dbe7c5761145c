import type { Scope } from '@millrace/catalog/authenticate-key'
import type { ResourceKind } from '@millrace/catalog/resources'
import { shownSchemas } from '@millrace/catalog/shown-schemas'
import { answer, emptyAnswer, needs, problems } from '@millrace/service-kit/describe-answers'
import { Type } from 'typebox'
import { listLimits } from './list-parameters.ts'

/** What a kind of resource is called, and who may read it. */
export interface CatalogKind {
  readonly kind: ResourceKind
  /** Of the path, and of the list in the answer. */
  readonly path: string
  readonly member: string
  /** For people. */
  readonly noun: string
  /** In operation ids. */
  readonly title: string
  readonly scope: Scope
  readonly example: object
}

const written = { version: 1, updatedAt: '2026-01-31T12:00:00.000001Z', updatedBy: 'root' }

export const catalogKinds: readonly CatalogKind[] = [
  {
    kind: 'event-type',
    path: '/v1/event-types',
    member: 'eventTypes',
    noun: 'event type',
    title: 'EventType',
    scope: 'catalog:read',
    example: { name: 'visit.recorded', schema: { type: 'object' }, maxAge: 'PT12H', ...written },
  },
  {
    kind: 'meter',
    path: '/v1/meters',
    member: 'meters',
    noun: 'meter',
    title: 'Meter',
    scope: 'catalog:read',
    example: { name: 'visits', eventTypes: ['visit.recorded'], aggregation: 'count', ...written },
  },
  {
    kind: 'endpoint',
    path: '/v1/endpoints',
    member: 'endpoints',
    noun: 'endpoint',
    title: 'Endpoint',
    scope: 'catalog:read',
    example: {
      name: 'partner-a',
      url: 'https://partner.example/hook',
      eventTypes: ['order.paid'],
      ...written,
    },
  },
  {
    kind: 'key',
    path: '/v1/keys',
    member: 'keys',
    noun: 'key',
    title: 'Key',
    scope: 'keys:admin',
    example: {
      id: 'key_9vJmXhYf3kP0aQ7sT2bWcA',
      application: 'web-shop',
      scopes: ['events:write'],
      expiresAt: null,
      lastUsedAt: '2026-01-31T12:00:00.000Z',
      ...written,
    },
  },
  {
    kind: 'replay',
    path: '/v1/replays',
    member: 'replays',
    noun: 'replay',
    title: 'Replay',
    scope: 'catalog:read',
    example: {
      id: 'rep_0198c1a2',
      what: 'events',
      filter: { status: 'invalid' },
      ratePerSecond: 500,
      status: 'running',
      selected: 1200,
      processed: 700,
      stillInvalid: 3,
      requestedAt: written.updatedAt,
      ...written,
    },
  },
]

export const CatalogQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: listLimits.maxItems,
        description: `Of a page; default ${listLimits.maxItems}.`,
      }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 8_192, description: 'nextCursor of the page before.' })),
  },
  { additionalProperties: false },
)
export const ResourceName = Type.Object({ name: Type.String() })
const headers = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETags of answers that the caller has.' })),
})
const NoQuery = Type.Object({}, { additionalProperties: false })
const etag = { etag: { type: 'string', description: 'The version in quotes.' } }

export function listKind(kind: CatalogKind) {
  const { member, noun, title, scope, example } = kind
  return {
    operationId: `list${title}s`,
    tags: ['catalog'],
    summary: `Every ${noun}, by name`,
    security: needs(scope),
    querystring: CatalogQuery,
    response: {
      200: answer(
        'A page.',
        Type.Object({
          [member]: Type.Unsafe({ type: 'array', items: shownSchemas[kind.kind] }),
          nextCursor: Type.Optional(Type.String()),
        }),
        { example: { [member]: [example] } },
      ),
      ...problems(400, 503),
    },
  }
}

/** Kinds that tell more than their version does. */
const changing: ReadonlySet<ResourceKind> = new Set(['key', 'replay'])

export function getKind(kind: CatalogKind) {
  const { noun, title, scope, example } = kind
  return {
    operationId: `get${title}`,
    tags: ['catalog'],
    summary: `One ${noun}; its version is the ETag`,
    security: needs(scope),
    params: Type.Object({
      name: Type.String({ description: `Of the ${noun}.`, examples: [Object.values(example)[0]] }),
    }),
    ...(!changing.has(kind.kind) && { headers }),
    querystring: NoQuery,
    response: {
      200: answer('As it is now.', shownSchemas[kind.kind], { headers: etag, example }),
      // When a key was last used, and how far a replay has come, is no part of a version.
      ...(!changing.has(kind.kind) && { 304: emptyAnswer('if-none-match holds the ETag.', etag) }),
      ...problems(400, 404, 503),
    },
  }
}

/** GET /v1/settings. */
export const getSettings = {
  operationId: 'getSettings',
  tags: ['catalog'],
  summary: 'What holds for the whole tenant',
  description: 'While nobody has written any, the defaults under version 0, which has no ETag.',
  security: needs('catalog:read'),
  headers,
  querystring: NoQuery,
  response: {
    200: answer(
      'As they are now.',
      Type.Object(
        {
          unknownEventTypes: Type.Enum(['accept', 'refuse']),
          version: Type.Integer(),
          updatedAt: Type.Optional(Type.String({ format: 'date-time' })),
          updatedBy: Type.Optional(Type.String()),
        },
        { title: 'SettingsResource' },
      ),
      { headers: etag, example: { unknownEventTypes: 'accept', ...written } },
    ),
    304: emptyAnswer('if-none-match holds the ETag.', etag),
    ...problems(400, 503),
  },
}
