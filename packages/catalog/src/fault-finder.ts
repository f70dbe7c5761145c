import { type CheckData, compileSchema } from './compile-schema.ts'

/** What is wrong with data: the reason, and a JSON Pointer into the data. */
export interface DataFault {
  readonly reason: string
  readonly pointer: string
}

/**
 * Says what is wrong with data by the JSON Schema of its type, as ingest would.
 * A schema that cannot be used finds every event at fault: they are kept and can be replayed.
 */
export function createFaultFinder(schema: object): (data: unknown) => DataFault | undefined {
  // By the first event: a tenant may have thousands of types, and each takes some milliseconds.
  let check: CheckData | undefined
  return (data) => {
    check ??= compile(schema)
    try {
      return check(data)
    } catch {
      // Nested deeper than the stack is.
      return { reason: 'data cannot be checked against the schema of the event type', pointer: '' }
    }
  }
}

function compile(schema: object): CheckData {
  try {
    return compileSchema(schema)
  } catch {
    return () => ({ reason: 'the schema of the event type cannot be used', pointer: '' })
  }
}
