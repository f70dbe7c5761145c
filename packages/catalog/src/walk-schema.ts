/** An object of a JSON Schema, or one of its two boolean forms. */
export type Schema = Readonly<Record<string, unknown>>

export interface Subschema {
  readonly schema: Schema
  /** JSON Pointer from the schema that holds it. */
  readonly pointer: string
  /** It is applied to the same value as the schema that holds it, not to a part of the value. */
  readonly inPlace: boolean
}

type Form = 'one' | 'list' | 'map'

/** Keywords that hold schemas. Source: JSON Schema 2020-12, core section 10, and what Ajv knows besides. */
const holders: readonly (readonly [keyword: string, form: Form, inPlace: boolean])[] = [
  ['not', 'one', true],
  ['if', 'one', true],
  ['then', 'one', true],
  ['else', 'one', true],
  ['allOf', 'list', true],
  ['anyOf', 'list', true],
  ['oneOf', 'list', true],
  ['dependentSchemas', 'map', true],
  ['dependencies', 'map', true],
  ['properties', 'map', false],
  ['patternProperties', 'map', false],
  ['additionalProperties', 'one', false],
  ['unevaluatedProperties', 'one', false],
  ['propertyNames', 'one', false],
  ['prefixItems', 'list', false],
  ['items', 'one', false],
  ['unevaluatedItems', 'one', false],
  ['contains', 'one', false],
]

/** The schemas right inside a schema, definitions left out: those are reached by references. */
export function subschemasOf(schema: Schema): Subschema[] {
  return holders.flatMap(([keyword, form, inPlace]) => {
    const held = schema[keyword]
    if (form === 'one') return isSchema(held) ? [{ schema: held, pointer: `/${keyword}`, inPlace }] : []
    if (typeof held !== 'object' || held === null) return []
    return Object.entries(held)
      .filter((entry): entry is [string, Schema] => isSchema(entry[1]))
      .map(([name, inner]) => ({ schema: inner, pointer: `/${keyword}/${escapeToken(name)}`, inPlace }))
  })
}

/**
 * What a reference within a schema's own document points to.
 * @param reference of the form #, #/pointer or #anchor
 * @returns undefined when there is nothing
 */
export function resolveReference(
  root: Schema,
  reference: string,
): { found: unknown; pointer: string } | undefined {
  const fragment = decode(reference.slice(1))
  if (fragment === undefined) return undefined
  if (fragment !== '' && !fragment.startsWith('/')) return findAnchor(root, fragment)
  let found: unknown = root
  for (const token of fragment.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Readonly<Record<string, unknown>>)[name]
  }
  return { found, pointer: fragment }
}

function findAnchor(
  value: unknown,
  anchor: string,
  pointer = '',
): { found: unknown; pointer: string } | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if ((value as Schema).$anchor === anchor) return { found: value, pointer }
  for (const [name, inner] of Object.entries(value)) {
    const found = findAnchor(inner, anchor, `${pointer}/${escapeToken(name)}`)
    if (found !== undefined) return found
  }
  return undefined
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function escapeToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function decode(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment)
  } catch {
    return undefined
  }
}
