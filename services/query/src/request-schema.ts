import { type Fault, ServiceError } from '@millrace/service-kit/errors'
import { Ajv, type ErrorObject } from 'ajv'
import type { FastifyInstance } from 'fastify'

/** Parameters in addresses are text and are read as what the schema asks for; a JSON body has types of its own. */
const textValidator = new Ajv({
  coerceTypes: true,
  useDefaults: false,
  removeAdditional: false,
  allErrors: true,
  // Tells the schema that was missed, with the names that it knows.
  verbose: true,
})
const bodyValidator = new Ajv({
  coerceTypes: false,
  useDefaults: false,
  removeAdditional: false,
  allErrors: true,
  // Tells the schema that was missed, with the names that it knows.
  verbose: true,
})
for (const validator of [textValidator, bodyValidator]) {
  // Formats only tell readers of /openapi.json what to send: the code that reads the values checks them.
  validator.addFormat('date-time', true)
}

/** Requests are checked against the routes' schemas; every fault is told by the name of its parameter. */
export function installRequestSchemas(app: FastifyInstance): void {
  // The framework would read text as a body of the wrong type, where it is the media type that is wrong.
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(({ schema, httpPart }) =>
    (httpPart === 'body' ? bodyValidator : textValidator).compile(schema as object),
  )
  app.setSchemaErrorFormatter((errors) => {
    const faults = toFaults(errors as unknown as readonly ErrorObject[])
    return new ServiceError('invalid-request', faults.map(({ detail }) => detail).join(' '), { faults })
  })
}

function toFaults(errors: readonly ErrorObject[]): Fault[] {
  const faults = new Map<string, Fault>()
  for (const error of errors) {
    const fault = toFault(error)
    // A union that does not match complains once per alternative.
    if (!faults.has(fault.pointer)) faults.set(fault.pointer, fault)
  }
  return [...faults.values()]
}

function toFault({ keyword, instancePath, message, params, parentSchema }: ErrorObject): Fault {
  const details = params as {
    additionalProperty?: string
    allowedValues?: readonly unknown[]
    missingProperty?: string
  }
  if (keyword === 'additionalProperties') {
    const known = Object.keys((parentSchema as { properties?: object } | undefined)?.properties ?? {})
    const name = details.additionalProperty ?? ''
    return {
      pointer: `${instancePath}/${name}`,
      detail: `${JSON.stringify(name.slice(0, 80))} is not known here. Known: ${known.join(', ') || 'none'}.`,
    }
  }
  const name = instancePath.slice(1).replaceAll('/', '.') || 'the request'
  if (keyword === 'enum') {
    return { pointer: instancePath, detail: `${name} is one of ${details.allowedValues?.join(', ')}.` }
  }
  if (keyword === 'const' && parentSchema !== undefined) {
    return { pointer: instancePath, detail: `${name} is not one of the values that are known.` }
  }
  return { pointer: instancePath, detail: `${name} ${message ?? 'is not valid'}.` }
}
