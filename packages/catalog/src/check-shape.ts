import type { Fault } from '@millrace/service-kit/errors'
import type { Validator } from 'typebox/compile'
import { isNestedDeeper } from './deepest-data.ts'

/** Deeper values would overflow the stack of whoever walks them. */
const maxDepth = 100

/** Faults of a value against a TypeBox schema, one per place. */
export function checkShape(shape: Validator, value: unknown): Fault[] {
  if (isNestedDeeper(value, maxDepth))
    return [{ pointer: '', detail: `nests deeper than ${maxDepth} levels` }]
  if (shape.Check(value)) return []
  const faults = new Map<string, Fault>()
  for (const { keyword, instancePath, message, params } of shape.Errors(value)) {
    // An unknown member is told of by the object that holds it.
    if (keyword === 'boolean' || faults.has(instancePath)) continue
    faults.set(instancePath, { pointer: instancePath, detail: describe(message, params) })
  }
  return [...faults.values()]
}

function describe(message: string, params: object): string {
  const { additionalProperties, allowedValues } = params as {
    additionalProperties?: readonly string[]
    allowedValues?: readonly unknown[]
  }
  if (additionalProperties !== undefined) return `has unknown members: ${additionalProperties.join(', ')}`
  if (allowedValues !== undefined) return `has to be one of ${allowedValues.join(', ')}`
  return message
}
