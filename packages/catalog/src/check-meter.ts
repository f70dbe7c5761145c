import type { Fault } from '@millrace/service-kit/errors'
import { Compile } from 'typebox/compile'
import { checkFilterOf } from './check-filter.ts'
import { checkShape, soundMembers } from './check-shape.ts'
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
  const { rest, faults } = checkFilterOf(body)
  faults.push(...checkShape(shape, rest))
  const meter = soundMembers<Meter>(rest, faults)
  const valueIsSound = !faults.some(({ pointer }) => pointer === '/value')
  return [
    ...faults,
    ...checkEventTypes(meter),
    ...(valueIsSound ? checkValue(meter) : []),
    ...checkDimensions(meter),
  ]
}

/** A meter's types are looked up by name; a pattern among them would silently count nothing. */
function checkEventTypes({ eventTypes = [] }: Partial<Meter>): Fault[] {
  return eventTypes.flatMap((type, index) => {
    const pointer = `/eventTypes/${index}`
    if (type.includes('*')) {
      return [{ pointer, detail: 'is a pattern; a meter names each of its event types in full' }]
    }
    return eventTypes.indexOf(type) < index ? [{ pointer, detail: 'is named twice' }] : []
  })
}

function checkValue({ aggregation, value }: Partial<Meter>): Fault[] {
  if (aggregation === undefined) return []
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

function checkDimensions({ aggregation, groupBy = {} }: Partial<Meter>): Fault[] {
  const taken = aggregation === 'amount' ? reservedForAmount : reserved
  return Object.keys(groupBy)
    .filter((name) => taken.includes(name))
    .map((name) => ({
      pointer: `/groupBy/${name}`,
      detail: `is a name that reports use themselves (${taken.join(', ')}); take another`,
    }))
}
