import { type Fault, ServiceError } from '@millrace/service-kit/errors'
import type { Report } from './read-event.ts'

/** The faults of a request's events as they are found; only the first ones are kept, all are counted. */
export interface FaultList {
  /** Tells of a fault of the event at `index`. */
  add(index: number, pointer: string, detail: string): void
  reportOf(index: number): Report
  isEmpty(): boolean
  /** @throws {ServiceError} `invalid-request` naming the faults, when there are any */
  refuse(): void
}

const maxFaults = 1_000

export function createFaultList(): FaultList {
  const shown: Fault[] = []
  let count = 0
  const add = (index: number, pointer: string, detail: string): void => {
    count += 1
    if (count <= maxFaults) shown.push({ index, pointer, detail })
  }
  return {
    add,
    reportOf: (index) => (pointer, detail) => add(index, pointer, detail),
    isEmpty: () => count === 0,
    refuse() {
      if (count === 0) return
      const what = count === 1 ? 'one fault' : `${count} faults`
      const more = count > maxFaults ? ` The first ${maxFaults} are listed.` : ''
      const first = shown[0]
      throw new ServiceError(
        'invalid-request',
        `Nothing was accepted: ${what} in the events, the first in event ${first?.index}${first?.pointer && ` at ${first.pointer}`}: ${first?.detail}.${more}`,
        { faults: shown },
      )
    },
  }
}
