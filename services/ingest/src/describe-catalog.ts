import type { ResourceKind } from '@millrace/catalog/resources'
import { shownSchemas } from '@millrace/catalog/shown-schemas'
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
  const { kind, word, article, title } = noun
  return {
    operationId: `delete${title}`,
    tags: ['catalog'],
    summary: `Deletes ${article} ${word}`,
    description:
      'Answers with what it was. A resource of the same name that comes later goes on counting versions.',
    security: needs('catalog:write'),
    ...resourceAddress(noun),
    response: {
      200: answer('Deleted.', shownSchemas[kind], { headers: etag }),
      ...problems(400, 404, 412, 503),
    },
  }
}
