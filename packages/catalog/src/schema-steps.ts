import { escapeToken, isSchema, resolveReference, type Schema, subschemasOf } from './walk-schema.ts'

/** The keyword by which a schema tells its validator what one application of it costs. */
export const stepsKeyword = 'millrace-steps'

export interface Steps {
  /** Of one application, whatever the value. */
  readonly fixed: number
  /** The value's own parts are looked at, one by one. */
  readonly perPart: boolean
}

/** Keywords that look at every part of a value, or every character. */
const perPart: readonly string[] = [
  'additionalProperties',
  'contains',
  'format',
  'items',
  'maxLength',
  'maxProperties',
  'minLength',
  'minProperties',
  'patternProperties',
  'propertyNames',
  'unevaluatedItems',
  'unevaluatedProperties',
]

/** So many comparisons of names or plain values take as long as entering a schema. */
const comparisonsPerStep = 8

const copiesPerStep = 32

/** What one application of a schema costs by itself, without the schemas inside it. */
export function stepsOf(schema: Schema): Steps {
  const compared = ['enum', 'const', 'required', 'dependentRequired'].map((keyword) =>
    countValues(schema[keyword]),
  )
  const named = [schema.properties, schema.patternProperties, schema.prefixItems].map(countMembers)
  const comparisons = [...compared, ...named].reduce((sum, count) => sum + count, 0)
  // The errors of the branches so far are copied for each further one that fails.
  const copies = [schema.anyOf, schema.oneOf].reduce<number>(
    (sum, branches) => sum + countMembers(branches) ** 2,
    0,
  )
  return {
    fixed:
      1 +
      Object.keys(schema).length +
      Math.ceil(comparisons / comparisonsPerStep) +
      Math.ceil(copies / copiesPerStep),
    perPart: perPart.some((keyword) => Object.hasOwn(schema, keyword)),
  }
}

/** Every place of a schema that can be applied, by its pointer: found by keywords that hold schemas and by references. */
export function findSchemas(root: Schema): ReadonlyMap<string, Schema> {
  const found = new Map<string, Schema>()
  const open: [pointer: string, schema: unknown][] = [['', root]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [pointer, schema] = next
    if (!isSchema(schema) || found.has(pointer)) continue
    found.set(pointer, schema)
    for (const inner of subschemasOf(schema)) open.push([pointer + inner.pointer, inner.schema])
    for (const keyword of ['$defs', 'definitions']) {
      const definitions = schema[keyword]
      if (!isSchema(definitions)) continue
      for (const [name, inner] of Object.entries(definitions)) {
        open.push([`${pointer}/${keyword}/${escapeToken(name)}`, inner])
      }
    }
    if (typeof schema.$ref !== 'string') continue
    const target = resolveReference(root, schema.$ref)
    if (target !== undefined) open.push([target.pointer, target.found])
  }
  return found
}

/** A copy whose schemas tell what they cost. */
export function withSteps(schema: object): object {
  const copy = structuredClone(schema) as Schema
  const places = [...findSchemas(copy).values()]
  // Every schema hands on which members it has looked at, and they are copied each time.
  const handsOn = places.some((place) => Object.hasOwn(place, 'unevaluatedProperties'))
  for (const place of places) {
    const { fixed, perPart } = stepsOf(place)
    Object.assign(place, { [stepsKeyword]: { fixed, perPart: perPart || handsOn } satisfies Steps })
  }
  return copy
}

function countMembers(value: unknown): number {
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0
}

/** Values in a value, itself left out. */
function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce<number>((sum, inner) => sum + 1 + countValues(inner), 0)
}
