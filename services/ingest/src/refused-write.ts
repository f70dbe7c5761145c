import { type Fault, ServiceError } from '@millrace/service-kit/errors'

/** What the sender of a command is told of its body. */
export function refusedWrite(faults: readonly Fault[]): ServiceError {
  const first = faults.map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`).slice(0, 3)
  return new ServiceError('invalid-request', `Nothing was written: ${first.join('; ')}.`, { faults })
}

/** @throws {ServiceError} `invalid-request` when there are faults */
export function refuseFaults(faults: readonly Fault[]): void {
  if (faults.length > 0) throw refusedWrite(faults)
}
