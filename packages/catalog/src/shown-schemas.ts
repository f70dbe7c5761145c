import { Type } from 'typebox'
import { Endpoint } from './endpoint-resource.ts'
import { Key } from './key-resource.ts'
import { EventType, Meter, type ResourceKind } from './resources.ts'
import { TenantSettings } from './settings-resource.ts'

const texts = { type: 'object', additionalProperties: { type: 'string' }, minProperties: 1 }
const part = { $ref: '#/components/schemas/Filter' }
const dialects: readonly (readonly [name: string, description: string, schema: object])[] = [
  ['exact', 'Each attribute is this text.', texts],
  ['prefix', 'Each attribute begins with this text.', texts],
  ['suffix', 'Each attribute ends with this text.', texts],
  ['all', 'All of them pass.', { type: 'array', items: part, minItems: 1 }],
  ['any', 'One of them passes, or several.', { type: 'array', items: part, minItems: 1 }],
  ['not', 'It does not pass.', part],
]

/** The schema of a filter as OpenAPI tells it: the one that bodies are checked by names itself in another way. */
const filterSchema = {
  title: 'Filter',
  description:
    'A filter of the CloudEvents Subscriptions API: an object with exactly one dialect. An attribute that the event lacks matches nothing.',
  oneOf: dialects.map(([name, description, schema]) => ({
    type: 'object',
    required: [name],
    properties: { [name]: { description, ...schema } },
    additionalProperties: false,
  })),
}

/** What is put, as OpenAPI tells it. */
export const putSchemas = {
  'event-type': { ...EventType, title: 'EventType' },
  meter: { ...Meter, title: 'Meter', properties: { ...Meter.properties, filter: filterSchema } },
  endpoint: { ...Endpoint, title: 'Endpoint', properties: { ...Endpoint.properties, filter: filterSchema } },
  settings: { ...TenantSettings, title: 'TenantSettings' },
} as const

/** What every written resource tells beside what was put. */
const written = {
  version: Type.Integer({
    minimum: 0,
    description: 'Grows by one with each change, also across a deletion.',
  }),
  updatedAt: Type.String({ format: 'date-time' }),
  updatedBy: Type.String({ description: 'Application of the key that wrote it last.' }),
}

const name = { name: Type.String() }
const id = { id: Type.String({ description: 'Given by Millrace.' }) }

interface Members {
  readonly properties: Readonly<Record<string, unknown>>
  readonly required?: readonly string[] | undefined
}

function shown(title: string, named: object, body: Members): object {
  return {
    title,
    type: 'object',
    required: [...Object.keys(named), ...(body.required ?? []), ...Object.keys(written)],
    properties: { ...named, ...body.properties, ...written },
  }
}

const endpointBody: Members = {
  required: putSchemas.endpoint.required,
  properties: {
    ...putSchemas.endpoint.properties,
    publicKey: Type.Optional(
      Type.String({
        pattern: '^whpk_',
        description: 'With signatures of v1a: what verifies them (Standard Webhooks).',
      }),
    ),
    createdAt: Type.Optional(
      Type.String({ format: 'date-time', description: 'It gets the events that were accepted since.' }),
    ),
    disabled: Type.Optional(
      Type.Object(
        { at: Type.String({ format: 'date-time' }), reason: Type.String() },
        { description: 'When and why Millrace disabled it by itself. Put it with enabled true to go on.' },
      ),
    ),
  },
}

const { hash: _, ...keyMembers } = Key.properties
const keyBody: Members = {
  properties: {
    ...keyMembers,
    expiresAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
    lastUsedAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()], {
      description: 'When it was last used, to some seconds. Told by lists only.',
    }),
  },
  required: ['application', 'scopes', 'expiresAt'],
}

const replayBody: Members = {
  properties: {
    what: Type.Enum(['events', 'deliveries']),
    filter: Type.Object({}, { additionalProperties: true }),
    ratePerSecond: Type.Integer(),
    status: Type.Enum(['accepted', 'running', 'done']),
    selected: Type.Optional(Type.Integer({ description: 'What it had to re-drive, as found so far.' })),
    redriven: Type.Optional(Type.Integer({ description: 'Deliveries of them that are on their way again.' })),
    processed: Type.Optional(Type.Integer({ description: 'Events of them that are valid now.' })),
    stillInvalid: Type.Optional(Type.Integer({ description: 'Events of them that are still invalid.' })),
    requestedAt: Type.String({ format: 'date-time' }),
    constraints: Type.Optional({
      ...Key.properties.constraints,
      description: 'What the key is constrained to that asked for it.',
    } as typeof Key.properties.constraints),
  },
  required: ['what', 'filter', 'ratePerSecond', 'status', 'requestedAt'],
}

/** Resources as the APIs show them: what show-resource.ts makes, as OpenAPI tells it. */
export const shownSchemas: Readonly<Record<ResourceKind, object>> = {
  'event-type': shown('EventTypeResource', name, putSchemas['event-type']),
  meter: shown('MeterResource', name, putSchemas.meter),
  endpoint: shown('EndpointResource', name, endpointBody),
  key: shown('KeyResource', id, keyBody),
  replay: shown('ReplayResource', id, replayBody),
  settings: shown('SettingsResource', {}, putSchemas.settings),
}

/** A resource that shows something this one time. */
export function shownOnce(title: string, kind: ResourceKind, once: Readonly<Record<string, object>>): object {
  const { properties, required = [] } = shownSchemas[kind] as Members
  return {
    title,
    type: 'object',
    required: [...required, ...Object.keys(once)],
    properties: { ...properties, ...once },
  }
}
