import { type CheckData, compileSchema } from '@millrace/catalog/compile-schema'
import type { DataFault } from './judge-event.ts'

/**
 * Says what is wrong with data by the JSON Schema of its type, as ingest would.
 * A schema that cannot be used finds every event at fault: they are kept and can be replayed.
 */
export function createFaultFinder(schema: object): (data: unknown) => DataFault | undefined {
  let check: CheckData
  try {
    check = compileSchema(schema)
  } catch {
    return () => ({ reason: 'the schema of the event type cannot be used', pointer: '' })
  }
  return (data) => {
    try {
      return check(data)
    } catch {
      // Nested deeper than the stack is.
      return { reason: 'data cannot be checked against the schema of the event type', pointer: '' }
    }
  }
}
