import { Retry } from '@millrace/catalog/endpoint-resource'
import { type Static, Type } from 'typebox'

export const PostbackRequest = Type.Object(
  {
    endpoint: Type.Object(
      {
        method: Type.Enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
        url: Type.String({
          minLength: 1,
          description:
            'Absolute; {macros} may stand behind host and port, and are filled in from each data object.',
        }),
        headers: Type.Optional(Type.Record(Type.String(), Type.String())),
        body: Type.Optional(
          Type.String({
            maxLength: 65_536,
            description:
              'Template of the body. Without it the data object is the JSON body of methods that have one.',
          }),
        ),
      },
      { additionalProperties: false },
    ),
    data: Type.Array(Type.Record(Type.String(), Type.Unknown()), {
      minItems: 1,
      maxItems: 1_000,
      description: 'One delivery each.',
    }),
    defaults: Type.Optional(
      Type.Record(Type.String({ maxLength: 256 }), Type.String({ maxLength: 4_096 }), {
        maxProperties: 100,
        description: 'Values of macros that a data object does not have.',
      }),
    ),
    retry: Type.Optional(Retry),
  },
  { additionalProperties: false },
)
export type PostbackRequest = Static<typeof PostbackRequest>
