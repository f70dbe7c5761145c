import type { Fault } from '@millrace/service-kit/errors'
import type { Validator } from 'typebox/compile'
import { Settings } from 'typebox/system'
import { isNestedDeeper } from './deepest-data.ts'

/** Deeper values would overflow the stack of whoever walks them. */
const maxDepth = 100
const tooDeep = `nests deeper than ${maxDepth} levels`

// TypeBox stops after eight, and a union or a wrong member alone may take several of them.
const maxErrors = 1_000
Settings.Set({ maxErrors })
const tooMany = 'has unknown members, or too many faults for all of them to be told'
/** Where one of them is told, not all that is wrong is: any member may be at fault. */
const unsound: ReadonlySet<string> = new Set([tooDeep, tooMany])

/** Faults of a value against a TypeBox schema, one per place. */
export function checkShape(shape: Validator, value: unknown): Fault[] {
  if (isNestedDeeper(value, maxDepth)) return [{ pointer: '', detail: tooDeep }]
  if (shape.Check(value)) return []
  const faults = new Map<string, Fault>()
  const tell = (pointer: string, detail: string): void => {
    if (!faults.has(pointer)) faults.set(pointer, { pointer, detail })
  }
  const errors = shape.Errors(value)
  for (const { keyword, instancePath, schemaPath, message, params } of errors) {
    // An unknown member is told of by the object that holds it.
    if (keyword === 'boolean') continue
    const { requiredProperties } = params as { requiredProperties?: readonly string[] }
    if (requiredProperties !== undefined) {
      for (const name of requiredProperties) tell(`${instancePath}/${name}`, 'is required')
      continue
    }
    const form = withForm.has(keyword) ? formAt(shape.Type(), schemaPath) : undefined
    // What fits none of several alternatives was told of as if one of them had been meant.
    if (keyword === 'anyOf' && form !== undefined) faults.delete(instancePath)
    tell(instancePath, form === undefined ? describe(message, params) : `has to be ${form}`)
  }
  // An unknown member takes an error before any other is looked for: what else is wrong may not have been reached.
  const isCut = errors.length >= maxErrors || faults.size === 0
  return isCut ? [...faults.values(), { pointer: '', detail: tooMany }] : [...faults.values()]
}

/**
 * The members of a body in which no fault was found: what looks further at them can do so, and all that is wrong is told
 * at once.
 * @param faults what `checkShape` found in the body, or in what holds it under `pointer`
 */
export function soundMembers<Body extends object>(
  body: unknown,
  faults: readonly Fault[],
  pointer = '',
): Partial<Body> {
  if (faults.length === 0) return body as Body
  if (typeof body !== 'object' || body === null || faults.some(({ detail }) => unsound.has(detail))) return {}
  const isSound = (at: string): boolean =>
    !faults.some((fault) => fault.pointer === at || fault.pointer.startsWith(`${at}/`))
  return Object.fromEntries(
    Object.entries(body).filter(([name]) => isSound(`${pointer}/${name}`)),
  ) as Partial<Body>
}

const withForm: ReadonlySet<string> = new Set(['type', 'pattern', 'anyOf'])

/** What a schema says in words of the values that it lets pass: its annotation `x-form`. */
function formAt(schema: unknown, path: string): string | undefined {
  let at = schema
  for (const part of path.split('/').slice(1)) {
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined
  }
  return (at as { readonly 'x-form'?: string } | undefined)?.['x-form']
}

function describe(message: string, params: object): string {
  const { additionalProperties, allowedValues, format, type } = params as {
    format?: string
    type?: string
    additionalProperties?: readonly string[]
    allowedValues?: readonly unknown[]
  }
  if (additionalProperties !== undefined) return `has unknown members: ${additionalProperties.join(', ')}`
  if (allowedValues !== undefined) return `has to be one of ${allowedValues.join(', ')}`
  if (format === 'date-time') return 'has to be an RFC 3339 time, such as "2017-01-01T00:00:00Z"'
  if (type !== undefined) return `has to be ${/^[aeio]/.test(type) ? 'an' : 'a'} ${type}`
  return message
}
