import { formatTimestamp } from '@millrace/service-kit/timestamp'
import { type Static, Type } from 'typebox'
import type { KeyConstraints } from './key-constraints.ts'

const Time = Type.String({ maxLength: 64, description: 'RFC 3339' })
const Ids = Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), { minItems: 1, maxItems: 1_000 })

/** Selects invalid events. All members have to match. */
const EventFilter = Type.Object(
  {
    status: Type.Optional(Type.Enum(['invalid'])),
    eventType: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
    source: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
    ids: Type.Optional(Ids),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
  },
  { additionalProperties: false },
)

/** Selects dead and held deliveries. All members have to match. */
const DeliveryFilter = Type.Object(
  {
    status: Type.Optional(Type.Enum(['dead', 'held'])),
    endpoint: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    postback: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    eventType: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description: 'Of the event that is delivered: postbacks have none.',
      }),
    ),
    ids: Type.Optional(Ids),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
  },
  { additionalProperties: false },
)

const RatePerSecond = Type.Integer({
  minimum: 1,
  maximum: 100_000,
  description: 'How many are re-driven in a second at most. Default 100.',
})

const members = { ratePerSecond: Type.Optional(RatePerSecond) }

export const EventReplay = Type.Object(
  {
    what: Type.Literal('events'),
    filter: EventFilter,
    ...members,
  },
  { additionalProperties: false },
)

export const DeliveryReplay = Type.Object(
  {
    what: Type.Literal('deliveries'),
    filter: DeliveryFilter,
    ...members,
  },
  { additionalProperties: false },
)

/** What POST /v1/replays takes. `from` and `to`: when it was received, half-open. */
export const ReplayRequest = Type.Union([EventReplay, DeliveryReplay])
export type ReplayRequest = Static<typeof ReplayRequest>

/** A replay as it stands in the catalog. */
export type Replay = ReplayRequest & {
  readonly ratePerSecond: number
  readonly status: 'accepted'
  /** RFC 3339. */
  readonly requestedAt: string
  /** Patterns that the key is constrained to: nothing outside them is re-driven. */
  readonly constraints?: KeyConstraints
}

const defaultRatePerSecond = 100

/** What the catalog keeps of a request that was checked. */
export function toReplay(
  request: ReplayRequest,
  { constraints }: { readonly constraints?: KeyConstraints },
  nowUs: number,
): Replay {
  return {
    ...request,
    ratePerSecond: request.ratePerSecond ?? defaultRatePerSecond,
    status: 'accepted',
    requestedAt: formatTimestamp(nowUs),
    ...(constraints !== undefined && { constraints }),
  }
}
