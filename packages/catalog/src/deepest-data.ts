import { maxJsonDepth } from './json-depth.ts'
import { isSchema, resolveReference, type Schema, subschemasOf } from './walk-schema.ts'

/**
 * Schemas that may be on the stack at once. Measured: stacks ended beyond 19,000 of them in the worst form of schema,
 * and where one ends depends on who called and on what V8 has optimized.
 */
const schemasOnStack = 6_000

/**
 * How deep data may nest that is held against a schema. A schema that refers back to itself is entered again on each
 * level, and what is large takes much of the stack each time; the same data has to be judged equally each time.
 */
export function deepestData(root: Schema): number {
  const recursive = countRecursive(root)
  return recursive === 0 ? maxJsonDepth : Math.min(maxJsonDepth, Math.floor(schemasOnStack / recursive))
}

/** Whether data nests deeper than `levels` objects and arrays. */
export function isNestedDeeper(data: unknown, levels: number): boolean {
  if (typeof data !== 'object' || data === null) return false
  return levels === 0 || Object.values(data).some((inner) => isNestedDeeper(inner, levels - 1))
}

/**
 * Schemas of the functions that may call themselves. Ajv makes a function of the root and of each place that is
 * referred to, and writes all schemas inside into it.
 */
function countRecursive(root: Schema): number {
  const functions = new Map<Schema, { size: number; calls: readonly Schema[] }>()
  const open = [root]
  for (let start = open.pop(); start !== undefined; start = open.pop()) {
    if (functions.has(start)) continue
    const members = membersOf(start)
    const calls = members.flatMap(({ $ref }) => {
      const target = typeof $ref === 'string' ? resolveReference(root, $ref)?.found : undefined
      return isSchema(target) ? [target] : []
    })
    functions.set(start, { size: members.length, calls })
    open.push(...calls)
  }
  const recursive = [...functions].filter(([start]) =>
    comesBack(start, (one) => functions.get(one)?.calls ?? []),
  )
  return recursive.reduce((sum, [, { size }]) => sum + size, 0)
}

function membersOf(start: Schema): Schema[] {
  return [start, ...subschemasOf(start).flatMap(({ schema }) => membersOf(schema))]
}

function comesBack(start: Schema, callsOf: (from: Schema) => readonly Schema[]): boolean {
  const seen = new Set<Schema>()
  const open = [...callsOf(start)]
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (place === start) return true
    if (seen.has(place)) continue
    seen.add(place)
    open.push(...callsOf(place))
  }
  return false
}
