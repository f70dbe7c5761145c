import { type Static, Type } from 'typebox'

/** Names of meters and endpoints in addresses. */
export const ResourceName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$',
  'x-form': 'a letter or a digit, then up to 127 letters, digits, dots, underscores and hyphens',
})

/** Names of event types are CloudEvents types ("care.x-ray", "com.example/visit"): any text without blanks. */
export const EventTypeName = Type.String({
  pattern: '^[^\\s\\p{C}]{1,256}$',
  'x-form': '1 to 256 characters without blanks and control characters',
})

/** JSON Pointer (RFC 6901) into an event as CloudEvents JSON: "/data/path", "/subject". */
export const EventPointer = Type.String({
  pattern: '^(/([^~/]|~0|~1)*)+$',
  maxLength: 512,
  'x-form': 'a JSON Pointer into the event, such as "/data/path" or "/subject"',
})

const AttributeValues = Type.Record(
  Type.String({ pattern: '^[a-z0-9]{1,64}$' }),
  Type.String({ maxLength: 1024 }),
  { additionalProperties: false, minProperties: 1 },
)

/** The CloudEvents Subscriptions API's filter dialects; each object holds exactly one. */
export const Filter = Type.Cyclic(
  {
    Filter: Type.Union([
      Type.Object({ exact: AttributeValues }, { additionalProperties: false }),
      Type.Object({ prefix: AttributeValues }, { additionalProperties: false }),
      Type.Object({ suffix: AttributeValues }, { additionalProperties: false }),
      Type.Object({ all: Type.Array(Type.Ref('Filter'), { minItems: 1 }) }, { additionalProperties: false }),
      Type.Object({ any: Type.Array(Type.Ref('Filter'), { minItems: 1 }) }, { additionalProperties: false }),
      Type.Object({ not: Type.Ref('Filter') }, { additionalProperties: false }),
    ]),
  },
  'Filter',
)
export type Filter = Static<typeof Filter>

/** ISO 8601. More digits would leave the calendar. */
const Duration = Type.String({
  pattern:
    '^P(?!$)(\\d{1,6}Y)?(\\d{1,6}M)?(\\d{1,6}W)?(\\d{1,6}D)?(T(?=\\d)(\\d{1,6}H)?(\\d{1,6}M)?(\\d{1,6}S)?)?$',
  'x-form': 'an ISO 8601 duration in whole numbers, such as "PT12H", "P30D" or "P5Y"',
})

export const EventType = Type.Object(
  {
    description: Type.Optional(Type.String({ maxLength: 4096 })),
    schema: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    validation: Type.Optional(Type.Enum(['after', 'before'])),
    maxAge: Type.Optional(Duration),
    retention: Type.Optional(Duration),
    rates: Type.Optional(
      Type.Array(
        Type.Object(
          {
            effectiveFrom: Type.String({ format: 'date-time' }),
            amountMinor: Type.Integer({
              minimum: -Number.MAX_SAFE_INTEGER,
              maximum: Number.MAX_SAFE_INTEGER,
            }),
            currency: Type.String({
              pattern: '^[A-Z]{3}$',
              'x-form': 'the three capital letters of a currency (ISO 4217), such as "SEK"',
            }),
          },
          { additionalProperties: false },
        ),
        { maxItems: 1_000 },
      ),
    ),
  },
  { additionalProperties: false },
)
export type EventType = Static<typeof EventType>

export const aggregations = [
  'count',
  'sum',
  'min',
  'max',
  'avg',
  'unique',
  'latest',
  'p50',
  'p90',
  'p95',
  'p99',
  'amount',
] as const
export type Aggregation = (typeof aggregations)[number]

export const Meter = Type.Object(
  {
    description: Type.Optional(Type.String({ maxLength: 4096 })),
    eventTypes: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 100 }),
    aggregation: Type.Enum([...aggregations]),
    value: Type.Optional(EventPointer),
    groupBy: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$' }), EventPointer, {
        additionalProperties: false,
        maxProperties: 16,
      }),
    ),
    filter: Type.Optional(Filter),
  },
  { additionalProperties: false },
)
export type Meter = Static<typeof Meter>

/** Kinds of resources, as they stand in the keys of millrace.catalog. */
export type ResourceKind = 'event-type' | 'meter' | 'endpoint' | 'key' | 'replay' | 'settings'

/** A resource as every service holds it in memory. */
export interface CatalogEntry<Body = unknown> {
  readonly tenant: string
  readonly kind: ResourceKind
  readonly name: string
  /** Grows by one with each write. */
  readonly version: number
  readonly body: Body
  /** RFC 3339. */
  readonly updatedAt: string
  readonly updatedBy: string
}
