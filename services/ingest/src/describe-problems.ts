import { errorMeanings } from '@millrace/service-kit/errors'
import { type TSchema, Type } from 'typebox'

const Problem = Type.Object({
  type: Type.String({ description: 'Stable: urn:millrace:problem:<code>' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String({ description: 'What to change.' }),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        index: Type.Optional(Type.Integer({ description: 'Of the event in a batch.' })),
        pointer: Type.String({ description: 'JSON Pointer into the request or the event.' }),
        detail: Type.String(),
      }),
    ),
  ),
})

/** Descriptions of the problem documents that a route may answer with. */
export function problemResponses(...statuses: readonly number[]): Record<number, TSchema | object> {
  const meanings = Object.values(errorMeanings)
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: meanings.find(({ httpStatus }) => httpStatus === status)?.title ?? 'Problem',
        content: { 'application/problem+json': { schema: Problem } },
      },
    ]),
  )
}
