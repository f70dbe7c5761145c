import { type Fault, ServiceError } from '@millrace/service-kit/errors'
import type { FastifyRequest } from 'fastify'

/**
 * The parameters of an address. Whoever sends one that is not known expects something that would not happen.
 * @throws {ServiceError} `invalid-request` for others than the known ones, and for one that is given twice
 */
export function readQuery<Name extends string>(
  request: FastifyRequest,
  known: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const query = request.query as Readonly<Record<string, string | string[]>>
  // Most have none.
  if (!request.url.includes('?')) return query as Partial<Record<Name, string>>
  const faults = Object.entries(query).flatMap(([name, value]): Fault[] => {
    const pointer = `/${name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (!known.some((one) => one === name)) {
      const others = known.length === 0 ? 'there are none here' : `known are ${known.join(', ')}`
      return [{ pointer, detail: `is not a query parameter that is known: ${others}` }]
    }
    return Array.isArray(value) ? [{ pointer, detail: 'is given twice' }] : []
  })
  refuseQuery(faults)
  return query as Partial<Record<Name, string>>
}

/** @throws {ServiceError} `invalid-request` when there are faults */
export function refuseQuery(faults: readonly Fault[]): void {
  if (faults.length === 0) return
  const told = faults.slice(0, 3).map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}`)
  throw new ServiceError('invalid-request', `Nothing was written: ${told.join('; ')}.`, {
    faults: faults.slice(0, 20),
  })
}
