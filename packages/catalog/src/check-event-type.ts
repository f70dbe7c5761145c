import type { Fault } from '@millrace/service-kit/errors'
import { parseTimestamp } from '@millrace/service-kit/timestamp'
import { Compile } from 'typebox/compile'
import { checkSchema } from './check-schema.ts'
import { checkShape, soundMembers } from './check-shape.ts'
import { EventType } from './resources.ts'

const shape = Compile(EventType)

/** What is wrong with the body of an event type; empty when nothing is. */
export function checkEventType(body: unknown): Fault[] {
  const faults = checkShape(shape, body)
  const { schema, rates = [] } = soundMembers<EventType>(body, faults)
  faults.push(...checkRates(rates))
  if (schema !== undefined) faults.push(...checkSchema(schema, '/schema'))
  return faults
}

/** A rate holds from its time until the next one's: two of one time would leave open which. */
function checkRates(rates: NonNullable<EventType['rates']>): Fault[] {
  const seen = new Set<number>()
  return rates.flatMap(({ effectiveFrom }, index) => {
    const pointer = `/rates/${index}/effectiveFrom`
    const fromUs = parseTimestamp(effectiveFrom)
    if (fromUs === undefined) {
      return [{ pointer, detail: 'is not an RFC 3339 time, such as "2017-01-01T00:00:00Z"' }]
    }
    if (seen.has(fromUs)) return [{ pointer, detail: 'is the time of another rate, too' }]
    seen.add(fromUs)
    return []
  })
}
