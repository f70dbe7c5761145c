import type { Fault } from '@millrace/service-kit/errors'
import { Compile } from 'typebox/compile'
import { checkFilter } from './check-filter.ts'
import { checkShape } from './check-shape.ts'
import { type Aggregation, Meter } from './resources.ts'

const shape = Compile(Meter)

/** Aggregations that are not made of a value in the event. */
const withoutValue: readonly Aggregation[] = ['count', 'amount']

/** Names that reports use for columns of their own. */
const reserved: readonly string[] = ['value', 'windowStart', 'windowEnd']
/** What an amount is split by besides. */
const reservedForAmount: readonly string[] = [...reserved, 'currency', 'settled']

/** What is wrong with the body of a meter; empty when nothing is. */
export function checkMeter(body: unknown): Fault[] {
  // Before the shape: it says better what is wrong with a filter, and how deep one may nest.
  if (typeof body === 'object' && body !== null && Object.hasOwn(body, 'filter')) {
    const faults = checkFilter((body as { filter: unknown }).filter, '/filter')
    if (faults.length > 0) return faults
  }
  const faults = checkShape(shape, body)
  if (faults.length > 0) return faults
  const meter = body as Meter
  return [...checkEventTypes(meter), ...checkValue(meter), ...checkDimensions(meter)]
}

/** A meter's types are looked up by name; a pattern among them would silently count nothing. */
function checkEventTypes({ eventTypes }: Meter): Fault[] {
  return eventTypes.flatMap((type, index) => {
    const pointer = `/eventTypes/${index}`
    if (type.includes('*')) {
      return [{ pointer, detail: 'is a pattern; a meter names each of its event types in full' }]
    }
    return eventTypes.indexOf(type) < index ? [{ pointer, detail: 'is named twice' }] : []
  })
}

function checkValue({ aggregation, value }: Meter): Fault[] {
  if (withoutValue.includes(aggregation)) {
    if (value === undefined) return []
    const source = aggregation === 'count' ? 'counts events' : 'sums the rates of the event types'
    return [{ pointer: '/value', detail: `has no meaning here: ${aggregation} ${source}; leave it out` }]
  }
  if (value !== undefined) return []
  const example = aggregation === 'unique' ? '"/data/visitor"' : '"/data/amount"'
  return [
    {
      pointer: '/value',
      detail: `is required for the aggregation ${aggregation}: a JSON Pointer to the value, such as ${example}`,
    },
  ]
}

function checkDimensions({ aggregation, groupBy = {} }: Meter): Fault[] {
  const taken = aggregation === 'amount' ? reservedForAmount : reserved
  return Object.keys(groupBy)
    .filter((name) => taken.includes(name))
    .map((name) => ({
      pointer: `/groupBy/${name}`,
      detail: `is a name that reports use themselves (${taken.join(', ')}); take another`,
    }))
}
