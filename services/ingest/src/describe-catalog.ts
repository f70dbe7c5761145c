import type { ResourceKind } from '@millrace/catalog/resources'
import { answer, needs, problems } from '@millrace/service-kit/describe-answers'
import { Type } from 'typebox'

/** What a kind of resource is called. */
export interface ResourceNoun {
  readonly kind: ResourceKind
  readonly path: string
  /** For people. */
  readonly word: string
  readonly article: 'a' | 'an'
  /** In operation ids. */
  readonly title: string
  /** A name. */
  readonly example: string
}

export const resourceNouns = {
  eventType: {
    kind: 'event-type',
    path: '/v1/event-types',
    word: 'event type',
    article: 'an',
    title: 'EventType',
    example: 'visit.recorded',
  },
  meter: {
    kind: 'meter',
    path: '/v1/meters',
    word: 'meter',
    article: 'a',
    title: 'Meter',
    example: 'visits',
  },
  endpoint: {
    kind: 'endpoint',
    path: '/v1/endpoints',
    word: 'endpoint',
    article: 'an',
    title: 'Endpoint',
    example: 'partner-a',
  },
} as const satisfies Record<string, ResourceNoun>

export const etag = { etag: { type: 'string', description: 'The version in quotes; for if-match.' } }

/** Of the address, and of the preconditions. */
export const resourceAddress = ({ word, example }: ResourceNoun) => ({
  params: Type.Object({ name: Type.String({ description: `Name of the ${word}.`, examples: [example] }) }),
  headers: Type.Object({
    'if-match': Type.Optional(
      Type.String({
        description: 'ETag of the version that the caller has seen, or `*`: there has to be one.',
      }),
    ),
    'if-none-match': Type.Optional(Type.String({ const: '*', description: 'There must be none yet.' })),
  }),
})

/** What every written resource tells beside what was put. */
export const written = {
  version: Type.Integer({
    minimum: 1,
    description: 'Grows by one with each change, also across a deletion.',
  }),
  updatedAt: Type.String({ format: 'date-time' }),
  updatedBy: Type.String({ description: 'Application of the key that wrote it last.' }),
}

export const writtenExample = { version: 1, updatedAt: '2026-01-31T12:00:00.000001Z', updatedBy: 'root' }

export function putDescription(noun: ResourceNoun) {
  const { word, article, title } = noun
  return {
    operationId: `put${title}`,
    tags: ['catalog'],
    summary: `Creates or changes ${article} ${word}`,
    security: needs('catalog:write'),
    ...resourceAddress(noun),
  }
}

/** DELETE of a resource. */
export function deleteResource(noun: ResourceNoun): object {
  const { word, article, title } = noun
  return {
    operationId: `delete${title}`,
    tags: ['catalog'],
    summary: `Deletes ${article} ${word}`,
    description:
      'Answers with what it was. A resource of the same name that comes later goes on counting versions.',
    security: needs('catalog:write'),
    ...resourceAddress(noun),
    response: {
      200: answer(
        'Deleted.',
        Type.Object(
          { name: Type.String(), ...written },
          { title: `Deleted${title}`, additionalProperties: true },
        ),
        { headers: etag },
      ),
      ...problems(400, 404, 412, 503),
    },
  }
}

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
export const filterSchema = {
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
