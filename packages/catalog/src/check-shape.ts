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
  for (const { keyword, instancePath, schemaPath, message, params } of shape.Errors(value)) {
    // An unknown member is told of by the object that holds it.
    if (keyword === 'boolean' || faults.has(instancePath)) continue
    const form = keyword === 'pattern' ? formAt(shape.Type(), schemaPath) : undefined
    const detail = form === undefined ? describe(message, params) : `has to be ${form}`
    faults.set(instancePath, { pointer: instancePath, detail })
  }
  return [...faults.values()]
}

/** What a schema says in words of the texts that its pattern lets pass: its annotation `x-form`. */
function formAt(schema: unknown, path: string): string | undefined {
  let at = schema
  for (const part of path.split('/').slice(1)) {
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined
  }
  return (at as { readonly 'x-form'?: string } | undefined)?.['x-form']
}

function describe(message: string, params: object): string {
  const { additionalProperties, allowedValues, format } = params as {
    format?: string
    additionalProperties?: readonly string[]
    allowedValues?: readonly unknown[]
  }
  if (additionalProperties !== undefined) return `has unknown members: ${additionalProperties.join(', ')}`
  if (allowedValues !== undefined) return `has to be one of ${allowedValues.join(', ')}`
  if (format === 'date-time') return 'has to be an RFC 3339 time, such as "2017-01-01T00:00:00Z"'
  return message
}
