import {
  _,
  Ajv2020,
  type CodeKeywordDefinition,
  type Format,
  type FuncKeywordDefinition,
  type KeywordCxt,
} from 'ajv/dist/2020.js'
import containsKeyword from 'ajv/dist/vocabularies/applicator/contains.js'
import formats, { type FormatName } from 'ajv-formats'
import { findDuplicate } from './find-duplicate.ts'
import { createLinearPattern } from './linear-pattern.ts'
import { type Steps, stepsKeyword } from './schema-steps.ts'
import { type StepBudget, widthOf } from './step-budget.ts'

/** Formats of JSON Schema 2020-12 that are checked, and some of OpenAPI; others say nothing. */
const textFormats: readonly FormatName[] = [
  'date-time',
  'date',
  'time',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uri',
  'uri-reference',
  'uuid',
  'uri-template',
  'json-pointer',
  'relative-json-pointer',
  'regex',
]
const numberFormats: readonly FormatName[] = ['int32', 'int64', 'float', 'double']

/** Longer text fits no format: the engine behind them recurses with the text. */
export const maxFormatLength = 8_192

/** Under a keyword such as anyOf a failure makes an error that is kept for a while. */
const stepsOfKeptError = 8

/** An Ajv whose validators spend from a budget whatever they do, and hold on to nothing that grows faster. */
export function createBoundedAjv(budget: StepBudget): Ajv2020 {
  const regExp = (pattern: string) => createLinearPattern(pattern, budget)
  const ajv = new Ajv2020({
    strict: false,
    logger: false,
    ownProperties: true,
    // Looked at before, by a validator that is made once.
    validateSchema: false,
    meta: false,
    // Code that is written out at each reference grows with the product of both.
    inlineRefs: false,
    // The source of an engine is only used for validators that are written to files. Optimizing is left to V8: it takes
    // Ajv as long again as all the rest.
    code: { optimize: false, regExp: Object.assign(regExp, { code: 'createLinearPattern' }) },
  })
  addFormats(ajv)
  ajv.addKeyword({ keyword: stepsKeyword, before: '$ref', code: (context) => spend(context, budget) })
  // Ajv's own compares every two items.
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword(uniqueItems(budget))
  ajv.removeKeyword('contains')
  ajv.addKeyword(contains)
  return ajv
}

function spend({ gen, data, schema, it }: KeywordCxt, budget: StepBudget): void {
  const { fixed, perPart } = schema as Steps
  const spending = gen.scopeValue('func', { ref: budget.spend })
  const steps = fixed + (it.compositeRule === true ? stepsOfKeptError : 0)
  if (!perPart) {
    gen.code(_`${spending}(${steps})`)
    return
  }
  const width = gen.scopeValue('func', { ref: widthOf })
  gen.code(_`${spending}(${steps} + ${width}(${data}))`)
}

function uniqueItems(budget: StepBudget): FuncKeywordDefinition {
  const validate: NonNullable<FuncKeywordDefinition['validate']> = (unique: boolean, items: unknown[]) => {
    const duplicate = unique ? findDuplicate(items, budget) : undefined
    if (duplicate === undefined) return true
    const [i, j] = duplicate
    const message = `must NOT have duplicate items (items ## ${i} and ${j} are identical)`
    validate.errors = [{ keyword: 'uniqueItems', message, params: { i, j } }]
    return false
  }
  return { keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', validate }
}

/**
 * Ajv's own, but for the errors of the items that do not fit: it keeps them until the last item, and copies them all
 * for each that comes.
 */
const contains: CodeKeywordDefinition = {
  ...containsKeyword.default,
  before: 'unevaluatedItems',
  code(context) {
    const subschema = context.subschema.bind(context)
    context.subschema = (application, valid) => {
      const inner = subschema(application, valid)
      context.gen.if(_`!${valid}`, () => context.reset())
      return inner
    }
    containsKeyword.default.code(context)
  },
}

function addFormats(ajv: Ajv2020): void {
  for (const name of numberFormats) ajv.addFormat(name, formats.default.get(name))
  for (const name of textFormats) {
    const test = testOf(formats.default.get(name))
    ajv.addFormat(name, (text: string) => text.length <= maxFormatLength && test(text))
  }
}

function testOf(format: Format): (text: string) => boolean {
  if (format instanceof RegExp) return (text) => format.test(text)
  if (typeof format === 'function') return format
  const validate = typeof format === 'object' ? format.validate : undefined
  if (validate instanceof RegExp) return (text) => validate.test(text)
  if (typeof validate === 'function') return validate as (text: string) => boolean
  throw new Error('a format without a check')
}
