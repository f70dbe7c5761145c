import type { Fault } from '@millrace/service-kit/errors'
import { compileSchema } from './compile-schema.ts'
import { isNestedDeeper } from './deepest-data.ts'
import { checkPattern, countStates } from './linear-pattern.ts'
import { findSchemas, stepsOf } from './schema-steps.ts'
import { escapeToken, isSchema, resolveReference, type Schema, subschemasOf } from './walk-schema.ts'

/** What a schema may hold: it is kept in memory and compiled by every service, and held against every event. */
export const schemaLimits = {
  characters: 131_072,
  depth: 64,
  schemas: 500,
  /** Places that references point to: compiling one begins in the middle of another. */
  referenced: 100,
  /** Steps that one value may take in one place, all that `allOf`, references and the like bring there. */
  stepsInPlace: 10_000,
  /** Of all patterns together. */
  patternStates: 20_000,
} as const

const draft = 'https://json-schema.org/draft/2020-12/schema'

/** Which keywords cannot be used, and what to do instead. */
const refused: Readonly<Record<string, string>> = {
  $dynamicRef: 'is not supported: use $ref',
  $dynamicAnchor: 'is not supported: use $anchor and $ref',
  $recursiveRef: 'is of an older draft: use $ref',
  $recursiveAnchor: 'is of an older draft: use $anchor',
  $async: 'is not supported',
}

/** What is wrong with a JSON Schema, or could take too long to compile or to check; empty when nothing is. */
export function checkSchema(schema: Schema, pointer: string): Fault[] {
  const outside = checkSize(schema)
  if (outside !== undefined) return [{ pointer, detail: outside }]
  const places = findSchemas(schema)
  if (places.size > schemaLimits.schemas) {
    return [{ pointer, detail: `holds more than ${schemaLimits.schemas} schemas` }]
  }
  if (countReferenced(places) > schemaLimits.referenced) {
    return [{ pointer, detail: `refers to more than ${schemaLimits.referenced} places` }]
  }
  const faults = [...places].flatMap(([at, place]) =>
    [...checkKeywords(schema, place, at === ''), ...checkPatterns(place)].map((fault) => ({
      pointer: pointer + at + fault.pointer,
      detail: fault.detail,
    })),
  )
  const whole = faults.length > 0 ? undefined : (checkVolume(schema, places) ?? compileOnce(schema))
  return whole === undefined ? faults.slice(0, 20) : [{ pointer, detail: whole }]
}

function countReferenced(places: ReadonlyMap<string, Schema>): number {
  return new Set([...places.values()].flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []))).size
}

function checkSize(schema: Schema): string | undefined {
  const { characters, depth } = schemaLimits
  if (isNestedDeeper(schema, depth)) return `nests deeper than ${depth} levels`
  return JSON.stringify(schema).length > characters ? `has more than ${characters} characters` : undefined
}

function checkKeywords(root: Schema, place: Schema, isRoot: boolean): Fault[] {
  const faults = Object.keys(refused)
    .filter((keyword) => Object.hasOwn(place, keyword))
    .map((keyword) => ({ pointer: `/${keyword}`, detail: refused[keyword] ?? '' }))
  const { $ref, $schema, $id } = place
  if ($schema !== undefined && String($schema).replace(/#$/, '') !== draft) {
    faults.push({ pointer: '/$schema', detail: `has to be ${draft}, or left out` })
  }
  if ($id !== undefined && !isRoot) {
    faults.push({ pointer: '/$id', detail: 'may stand at the root only: use $defs and $anchor' })
  }
  if (typeof $ref === 'string') {
    const detail = checkReference(root, $ref)
    if (detail !== undefined) faults.push({ pointer: '/$ref', detail })
  }
  return faults
}

function checkReference(root: Schema, reference: string): string | undefined {
  if (!reference.startsWith('#')) {
    return 'points outside the schema, and nothing is fetched: put what it means under $defs and refer to "#/$defs/…"'
  }
  const found = resolveReference(root, reference)?.found
  return isSchema(found) || typeof found === 'boolean' ? undefined : 'points to nothing that is a schema'
}

function checkPatterns({ pattern, patternProperties }: Schema): Fault[] {
  const named = isSchema(patternProperties) ? Object.keys(patternProperties) : []
  const all: readonly [pointer: string, pattern: string][] = [
    ...(typeof pattern === 'string' ? [['/pattern', pattern] as [string, string]] : []),
    ...named.map((name): [string, string] => [`/patternProperties/${escapeToken(name)}`, name]),
  ]
  return all.flatMap(([pointer, text]) => {
    try {
      checkPattern(text)
      return []
    } catch (error) {
      return [{ pointer, detail: error instanceof Error ? error.message : String(error) }]
    }
  })
}

/** What no single place shows. */
function checkVolume(root: Schema, places: ReadonlyMap<string, Schema>): string | undefined {
  const patterns = [...places.values()].flatMap(({ pattern, patternProperties }) => [
    ...(typeof pattern === 'string' ? [pattern] : []),
    ...(isSchema(patternProperties) ? Object.keys(patternProperties) : []),
  ])
  if (patterns.reduce((sum, pattern) => sum + countStates(pattern), 0) > schemaLimits.patternStates) {
    return `holds patterns of more than ${schemaLimits.patternStates} characters with their repetitions written out`
  }
  const known = new Map<Schema, number>()
  const highest = Math.max(...[...places.values()].map((place) => stepsInPlace(root, place, known)))
  if (highest === Number.POSITIVE_INFINITY) {
    return 'refers to itself without going into the data, so that a check would never end'
  }
  if (highest <= schemaLimits.stepsInPlace) return undefined
  return `holds one value against too much at once: ${highest} steps, and ${schemaLimits.stepsInPlace} are allowed. References count as often as they are followed`
}

/** Steps of all that is applied to one value at a place; infinite when it comes back to itself. */
function stepsInPlace(root: Schema, place: Schema, known: Map<Schema, number>): number {
  const before = known.get(place)
  if (before !== undefined) return before
  // What is met again before it is done has come back to itself.
  known.set(place, Number.POSITIVE_INFINITY)
  const target = typeof place.$ref === 'string' ? resolveReference(root, place.$ref)?.found : undefined
  const inner = subschemasOf(place).filter(({ inPlace }) => inPlace)
  const parts = [...inner.map(({ schema }) => schema), ...(isSchema(target) ? [target] : [])]
  const steps = parts.reduce((sum, part) => sum + stepsInPlace(root, part, known), stepsOf(place).fixed)
  known.set(place, steps)
  return steps
}

function compileOnce(schema: Schema): string | undefined {
  try {
    compileSchema(schema)
    return undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return `is not a usable JSON Schema 2020-12: ${reason}`
  }
}
