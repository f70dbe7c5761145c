import { KeyRequest } from '@millrace/catalog/key-resource'
import { answer, needs, problems } from '@millrace/service-kit/describe-answers'
import { Type } from 'typebox'

const shown = {
  id: Type.String({ description: 'Names the key; it is no secret.' }),
  ...Type.Omit(KeyRequest, ['expiresAt', 'tenant']).properties,
  expiresAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  tenant: Type.String(),
  version: Type.Integer(),
  updatedAt: Type.String({ format: 'date-time' }),
  updatedBy: Type.String({ description: 'Application of the key that issued it.' }),
}

const asked = {
  application: 'web-shop',
  scopes: ['events:write'],
  constraints: { eventTypes: ['visit.*'], subjects: ['*'] },
  rateLimit: { perSecond: 1000 },
  expiresAt: null,
}
const told = {
  id: 'key_9vJmXhYf3kP0aQ7sT2bWcA',
  ...asked,
  version: 1,
  updatedAt: '2026-01-31T12:00:00.000001Z',
  updatedBy: 'root',
  tenant: 'default',
}
const etag = { etag: { type: 'string', description: 'The version in quotes.' } }

/** POST /v1/keys. */
export const postKeys = {
  operationId: 'issueKey',
  tags: ['keys'],
  summary: 'Issues a key and shows it this one time',
  description: `A key belongs to an application of the issuer’s tenant; the root key may name another \`tenant\`. Without \`constraints\` it may write and read events of all types and subjects; in their patterns \`*\` stands for any run of characters. Without \`rateLimit\` it is not limited, without \`expiresAt\` it does not expire.

Nobody gives away more than they have: scopes, event types and subjects beyond those of the issuing key are refused with 403.`,
  security: needs('keys:admin'),
  body: {
    content: {
      'application/json': {
        schema: {
          ...KeyRequest,
          title: 'KeyRequest',
          'x-examples': { shop: { summary: 'A producer of visits', value: asked } },
        },
      },
    },
  },
  response: {
    201: answer(
      'Issued. `key` is shown only here.',
      Type.Object({ ...shown, key: Type.String() }, { title: 'IssuedKey' }),
      { headers: etag, example: { ...told, key: 'mr_0Gx1V2c3b4N5m6K7j8H9g0F1d2S3a4P5o6I7u8Y9t0R' } },
    ),
    ...problems(400, 409, 413, 415, 503),
  },
}

/** DELETE /v1/keys/{id}. */
export const deleteKey = {
  operationId: 'revokeKey',
  tags: ['keys'],
  summary: 'Revokes a key',
  description:
    'Holds at once for this instance and within a second for the others. Answers with what it was.',
  security: needs('keys:admin'),
  params: Type.Object({
    id: Type.String({
      description: 'Of the key: what its answer calls id.',
      examples: ['key_9vJmXhYf3kP0aQ7sT2bWcA'],
    }),
  }),
  response: {
    200: answer('Revoked.', Type.Object(shown, { title: 'Key' }), {
      headers: etag,
      example: { ...told, version: 2 },
    }),
    ...problems(404, 412, 503),
  },
}
