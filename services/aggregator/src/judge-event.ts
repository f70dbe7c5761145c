import { checkValidity, type ValidityRules } from '@millrace/catalog/event-validity'
import type { Event } from '@millrace/proto'
import type { Rate } from './choose-rate.ts'
import type { PreparedMeter } from './prepare-meter.ts'
import { createEventReader } from './read-event.ts'
import { type Reading, takeReadings } from './take-readings.ts'

/** What the catalog says of one event type. */
export interface TypeRules extends ValidityRules {
  /** Version of the event type; 0 for a type that the catalog does not know. */
  readonly version: number
  readonly meters: readonly PreparedMeter[]
  /** What events of the type are worth, in the order of their times. */
  readonly rates?: readonly Rate[]
}

export type Judgement =
  | {
      readonly status: 'valid'
      readonly schemaVersion: number
      /** For the rollup. */
      readonly readings: readonly Reading[]
      /** For meters that need every value. */
      readonly values: readonly Reading[]
      readonly valuesMissing: number
    }
  | {
      readonly status: 'invalid'
      readonly schemaVersion: number
      readonly reason: string
      readonly pointer: string
    }

/** Decides what becomes of an event: a row with readings, or a row that says why not. Depends on nothing else. */
export function judgeEvent(event: Event, rules: TypeRules): Judgement {
  const checked = checkValidity(event, rules)
  if ('reason' in checked) return invalid(rules, checked.reason, checked.pointer)
  const decoded = createEventReader(event, checked.text, checked.data)
  const { readings, values, valuesMissing, outOfRange } = takeReadings(decoded, rules.meters, rules.rates)
  if (outOfRange !== undefined)
    return invalid(rules, `the number at ${outOfRange} is too large: 1e20 or more`)
  return { status: 'valid', schemaVersion: rules.version, readings, values, valuesMissing }
}

function invalid({ version }: TypeRules, reason: string, pointer = ''): Judgement {
  return { status: 'invalid', schemaVersion: version, reason, pointer }
}
