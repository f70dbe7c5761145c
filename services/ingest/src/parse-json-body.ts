import { isUtf8 } from 'node:buffer'
import { ServiceError } from '@millrace/service-kit/errors'
import { checkNames } from './check-names.ts'

/**
 * The value of a body whose names all readers understand alike.
 * @throws {ServiceError} `invalid-request`
 */
export function parseJsonBody(body: Buffer): unknown {
  if (!isUtf8(body)) throw new ServiceError('invalid-request', 'The body is not UTF-8.')
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch (error) {
    throw new ServiceError('invalid-request', `The body is not valid JSON: ${(error as Error).message}`)
  }
  const fault = checkNames(body)
  if (fault === undefined) return value
  throw new ServiceError('invalid-request', `In the body, ${fault.pointer.slice(0, 200)} ${fault.detail}.`, {
    faults: [fault],
  })
}
