import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import { createBoundedAjv } from './bounded-ajv.ts'
import { deepestData, isNestedDeeper } from './deepest-data.ts'
import { maxJsonDepth } from './json-depth.ts'
import { withSteps } from './schema-steps.ts'
import { createStepBudget, StepsExceeded } from './step-budget.ts'
import type { Schema } from './walk-schema.ts'

/** Where and why data does not fit its schema. */
export interface SchemaFault {
  /** JSON Pointer into the data. */
  readonly pointer: string
  readonly reason: string
}

/** Checks data against a schema; undefined when it fits. */
export type CheckData = (data: unknown) => SchemaFault | undefined

/**
 * Compiles a JSON Schema 2020-12. Unknown keywords and formats say nothing, as the specification has it. A check takes
 * a time that the data's size explains, whatever the schema: data that would take longer is at fault. Takes some
 * milliseconds: keep what it returns.
 * @throws {Error} whose message says what is wrong with the schema
 */
export function compileSchema(schema: object): CheckData {
  if ('$async' in schema) throw new Error('the keyword $async is not supported')
  if (metaSchemas.validateSchema(schema) !== true) throw new Error(metaSchemas.errorsText(metaSchemas.errors))
  const budget = createStepBudget()
  const validate = createBoundedAjv(budget).compile(withSteps(schema))
  const deepest = deepestData(schema as Schema)
  return (data) => {
    if (deepest < maxJsonDepth && isNestedDeeper(data, deepest)) return nestsTooDeep(deepest)
    budget.start(data)
    try {
      return validate(data) ? undefined : toFault(validate.errors?.[0])
    } catch (error) {
      if (error instanceof StepsExceeded) return tooManySteps
      throw error
    } finally {
      // Nothing of the data is held on to.
      validate.errors = null
      budget.end()
    }
  }
}

/** Knows what a schema looks like, and takes a while to learn it. */
const metaSchemas = new Ajv2020({ strict: false, logger: false, allErrors: false })

const tooManySteps: SchemaFault = {
  pointer: '',
  reason: 'takes more steps to check against the schema than data of its size may',
}

function nestsTooDeep(levels: number): SchemaFault {
  return {
    pointer: '',
    reason: `nests deeper than the ${levels} levels that its recursive schema is checked to`,
  }
}

function toFault(error: ErrorObject | undefined): SchemaFault {
  const named = error?.params.additionalProperty ?? error?.params.unevaluatedProperty
  return {
    pointer: error?.instancePath ?? '',
    reason: `${error?.message ?? 'does not fit the schema'}${named === undefined ? '' : ` (${String(named)})`}`,
  }
}
