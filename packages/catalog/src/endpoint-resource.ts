import { type Static, Type } from 'typebox'
import { EndpointAuth, EndpointTls, type SealedCredentials } from './endpoint-credentials.ts'
import { type SealedSecret, Signatures } from './endpoint-signature.ts'
import { Filter } from './resources.ts'

const maxDelayMs = 24 * 60 * 60 * 1000

/** When a failed attempt is repeated: a preset, or the waits before the second, third, … attempt. */
export const Retry = Type.Union(
  [
    Type.Enum(['webhook', '5xx-only']),
    Type.Object(
      { delaysMs: Type.Array(Type.Integer({ minimum: 0, maximum: maxDelayMs }), { maxItems: 50 }) },
      { additionalProperties: false },
    ),
  ],
  {
    'x-form': '"webhook", "5xx-only" or a list of waits in milliseconds, such as {"delaysMs": [5000, 60000]}',
  },
)

/** A registered receiver of events. */
export const Endpoint = Type.Object(
  {
    description: Type.Optional(Type.String({ maxLength: 4096 })),
    url: Type.String({
      minLength: 1,
      description:
        'Absolute; {macros} may stand behind host and port, and are filled in from the CloudEvent.',
    }),
    method: Type.Optional(
      Type.Enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], { description: 'Default POST.' }),
    ),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: 'Shown to whoever may read the catalog.' }),
    ),
    eventTypes: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^[^\\s\\p{C}]{1,256}$',
          'x-form': '1 to 256 characters without blanks and control characters',
        }),
        {
          minItems: 1,
          maxItems: 100,
          description:
            'Types, or patterns in which each * stands for any run of characters. Default every type.',
        },
      ),
    ),
    filter: Type.Optional(Filter),
    retry: Type.Optional(Retry),
    rateLimit: Type.Optional(
      Type.Object(
        { perSecond: Type.Number({ minimum: 0.001, maximum: 100_000 }) },
        { additionalProperties: false },
      ),
    ),
    concurrency: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        description: 'Requests under way at a time; 1 asks for one after the other. Default 8.',
      }),
    ),
    timeoutMs: Type.Optional(
      Type.Integer({ minimum: 100, maximum: 60_000, description: 'For the whole exchange. Default 10000.' }),
    ),
    auth: Type.Optional(EndpointAuth),
    tls: Type.Optional(EndpointTls),
    signatures: Type.Optional(Signatures),
    enabled: Type.Optional(Type.Boolean({ description: 'Default true.' })),
  },
  { additionalProperties: false },
)
export type Endpoint = Static<typeof Endpoint>

/** Why Millrace disabled an endpoint by itself. */
export interface Disabled {
  /** RFC 3339. */
  readonly at: string
  readonly reason: string
  /** The event that tells of it is in Kafka. */
  readonly told?: boolean
}

/**
 * An endpoint as it stands in the catalog; the newest secret comes first. No API shows `secrets` and `credentials`;
 * what is in the latter is not in `auth` and `tls`.
 */
export type StoredEndpoint = Endpoint & {
  readonly secrets: readonly SealedSecret[]
  /** RFC 3339; absent in what was written before there was any. Events that came before it are not the endpoint's. */
  readonly createdAt?: string
  /** Beside `enabled: false`. */
  readonly disabled?: Disabled
  readonly credentials?: SealedCredentials
}

/** What holds where an endpoint says nothing. */
export const endpointDefaults = {
  method: 'POST',
  eventTypes: ['*'],
  retry: 'webhook',
  concurrency: 8,
  timeoutMs: 10_000,
  signatures: ['v1'],
  enabled: true,
} as const
