import { Type } from 'typebox'
import { Compile } from 'typebox/schema'
import { Endpoint } from './endpoint-resource.ts'
import { Key } from './key-resource.ts'
import { ReplayRequest } from './replay-resource.ts'
import { Filter, type ResourceKind } from './resources.ts'

/** What says which values are refused, not what their users rely on. */
const limits: ReadonlySet<string> = new Set([
  ...['minLength', 'maxLength', 'pattern', 'format', 'minItems', 'maxItems', 'uniqueItems', 'maximum'],
  ...['minProperties', 'maxProperties', 'additionalProperties', 'description', 'x-form'],
])

/**
 * A schema without its limits: what an earlier version took stays usable, also with members that nobody knows any more.
 * A number that has to be positive has to be so still: a queue without room would stand still for ever.
 */
function withoutLimits(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutLimits)
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name]) => !limits.has(name))
      .map(([name, value]) => {
        if (name === 'minimum' && typeof value === 'number' && value > 0) return ['exclusiveMinimum', 0]
        return [name, name === 'properties' ? mapValues(value as object) : withoutLimits(value)]
      }),
  )
}

/** Members may be named like a limit. */
function mapValues(properties: object): object {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, withoutLimits(value)]))
}

const sealed = { sealed: Type.String() }
const keptSecret = Type.Object({
  ...sealed,
  createdAt: Type.String(),
  expiresAt: Type.Optional(Type.String()),
  ed25519: Type.Optional(Type.Object({ ...sealed, publicKey: Type.String() })),
})
const keptEndpoint = Type.Object({
  secrets: Type.Array(keptSecret),
  createdAt: Type.Optional(Type.String()),
  disabled: Type.Optional(Type.Object({ at: Type.String(), reason: Type.String() })),
  credentials: Type.Optional(
    Type.Object({ auth: Type.Optional(Type.String()), tlsKey: Type.Optional(Type.String()) }),
  ),
})
const keptReplay = Type.Object({ ratePerSecond: Type.Number({ minimum: 1 }), requestedAt: Type.String() })

const compile = (...schemas: readonly object[]) => {
  const checks = schemas.map((schema) => Compile(withoutLimits(schema) as object))
  return (body: unknown): boolean => checks.every((check) => check.Check(body))
}

/** A key's limits are what it may do: one that does not keep them lets nobody in. */
const key = Compile(Key)

const checks: Partial<Record<ResourceKind, (body: unknown) => boolean>> = {
  endpoint: compile(Endpoint, keptEndpoint),
  replay: compile(ReplayRequest, keptReplay),
  key: (body) => key.Check(body),
}

/**
 * Whether what stands in the catalog can be used as what its kind says. Ingest checks what it writes; earlier versions
 * have let some through, and others may write to the topic too. Meters and event types are looked at where they are
 * prepared: what cannot be used of them has to show in the events.
 */
export function isUsable(kind: ResourceKind, body: unknown): boolean {
  return typeof body === 'object' && body !== null && (checks[kind]?.(body) ?? true)
}

/** Whether events can be held against what should be a filter. */
export const isUsableFilter = compile(Filter)
