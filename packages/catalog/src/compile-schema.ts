import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { createLinearPattern } from './linear-pattern.ts'

/** Where and why data does not fit its schema. */
export interface SchemaFault {
  /** JSON Pointer into the data. */
  readonly pointer: string
  readonly reason: string
}

/** Checks data against a schema; undefined when it fits. */
export type CheckData = (data: unknown) => SchemaFault | undefined

/** Ajv asks for the source of an engine as well; it is only used for validators that are written to files. */
const regExp = Object.assign(createLinearPattern, { code: 'createLinearPattern' })

/**
 * Compiles a JSON Schema 2020-12. Unknown keywords and formats say nothing, as the specification has it.
 * @throws {Error} whose message says what is wrong with the schema
 */
export function compileSchema(schema: object): CheckData {
  if ('$async' in schema) throw new Error('the keyword $async is not supported')
  const ajv = new Ajv2020({ strict: false, logger: false, ownProperties: true, code: { regExp } })
  formats.default(ajv)
  const validate = ajv.compile(schema)
  return (data) => (validate(data) ? undefined : toFault(validate.errors?.[0]))
}

function toFault(error: ErrorObject | undefined): SchemaFault {
  const named = error?.params.additionalProperty ?? error?.params.unevaluatedProperty
  return {
    pointer: error?.instancePath ?? '',
    reason: `${error?.message ?? 'does not fit the schema'}${named === undefined ? '' : ` (${String(named)})`}`,
  }
}
