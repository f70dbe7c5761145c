import type { Fault } from '@millrace/service-kit/errors'
import { parseTimestamp } from '@millrace/service-kit/timestamp'
import { Compile } from 'typebox/compile'
import { checkShape } from './check-shape.ts'
import { compileSchema } from './compile-schema.ts'
import { EventType } from './resources.ts'

const shape = Compile(EventType)

/** What is wrong with the body of an event type; empty when nothing is. */
export function checkEventType(body: unknown): Fault[] {
  const faults = checkShape(shape, body)
  if (faults.length > 0) return faults
  const { schema, rates = [] } = body as EventType
  for (const [index, { effectiveFrom }] of rates.entries()) {
    if (parseTimestamp(effectiveFrom) === undefined) {
      faults.push({
        pointer: `/rates/${index}/effectiveFrom`,
        detail: 'is not an RFC 3339 time, such as "2017-01-01T00:00:00Z"',
      })
    }
  }
  if (schema !== undefined) faults.push(...checkSchema(schema))
  return faults
}

function checkSchema(schema: object): Fault[] {
  try {
    compileSchema(schema)
    return []
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [{ pointer: '/schema', detail: `is not a usable JSON Schema 2020-12: ${reason}` }]
  }
}
