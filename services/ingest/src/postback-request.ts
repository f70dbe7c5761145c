import { type Static, Type } from 'typebox'

const maxDelayMs = 24 * 60 * 60 * 1000

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
    retry: Type.Optional(
      Type.Union([
        Type.Enum(['webhook', '5xx-only']),
        Type.Object(
          {
            delaysMs: Type.Array(Type.Integer({ minimum: 0, maximum: maxDelayMs }), { maxItems: 50 }),
          },
          { additionalProperties: false },
        ),
      ]),
    ),
  },
  { additionalProperties: false },
)
export type PostbackRequest = Static<typeof PostbackRequest>
