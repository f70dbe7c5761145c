import type { Fault } from '@millrace/service-kit/errors'
import { Compile } from 'typebox/compile'
import { checkFilter } from './check-filter.ts'
import { checkShape } from './check-shape.ts'
import { type Aggregation, Meter } from './resources.ts'

const shape = Compile(Meter)

/** Aggregations that the aggregator has; the others are in the contract and come later. */
const supported: readonly Aggregation[] = ['count', 'sum', 'avg', 'min', 'max']

/** What is wrong with the body of a meter; empty when nothing is. */
export function checkMeter(body: unknown): Fault[] {
  // Before the shape: it says better what is wrong with a filter, and how deep one may nest.
  if (typeof body === 'object' && body !== null && Object.hasOwn(body, 'filter')) {
    const faults = checkFilter((body as { filter: unknown }).filter, '/filter')
    if (faults.length > 0) return faults
  }
  const faults = checkShape(shape, body)
  if (faults.length > 0) return faults
  const { aggregation, value } = body as Meter
  if (!supported.includes(aggregation)) {
    return [
      {
        pointer: '/aggregation',
        detail: `${aggregation} is not supported yet; supported are ${supported.join(', ')}`,
      },
    ]
  }
  if (aggregation !== 'count' && value === undefined) {
    return [
      {
        pointer: '/value',
        detail: `is required for the aggregation ${aggregation}: a JSON Pointer to the number, such as "/data/amount"`,
      },
    ]
  }
  return []
}
