import type { CatalogWrite } from '@millrace/catalog/decide-write'
import { type KeyConstraints, patternsBeyond } from '@millrace/catalog/key-constraints'
import { ServiceError } from '@millrace/service-kit/errors'
import type { WriteCatalog } from './http-catalog.ts'

/**
 * Writes of a constrained key reach no further than the events that it may write and read itself: it changes no other
 * types, counts no others, has no others delivered, and changes nothing that was set up for others.
 * @throws {ServiceError} `forbidden`
 */
export function withinReach(writeCatalog: WriteCatalog): WriteCatalog {
  return async (write) => {
    const { kind, name, body, change, constraints } = write
    if (constraints === undefined) return writeCatalog(write)
    if (kind === 'settings') {
      throw new ServiceError('forbidden', 'Settings hold for all events, and the key is constrained to some.')
    }
    if (kind === 'event-type') refuseTypes([name], constraints)
    if (body !== undefined) checkBody(kind, body, constraints)
    const check = (existing: object): void => checkBody(kind, existing, constraints)
    if (change === undefined) return writeCatalog({ ...write, check })
    const checked = (existing: object | undefined): object => {
      const changed = change(existing)
      checkBody(kind, changed, constraints)
      return changed
    }
    return writeCatalog({ ...write, change: checked, check })
  }
}

function checkBody(kind: CatalogWrite['kind'], body: object, constraints: KeyConstraints): void {
  if (kind !== 'meter' && kind !== 'endpoint') return
  const { eventTypes } = body as { readonly eventTypes?: readonly string[] }
  refuseTypes(eventTypes, constraints)
  if (kind === 'endpoint' && constraints.subjects !== undefined) {
    throw new ServiceError(
      'forbidden',
      `An endpoint gets events of all subjects, and the key may read ${constraints.subjects.join(', ')}.`,
    )
  }
}

function refuseTypes(eventTypes: readonly string[] | undefined, constraints: KeyConstraints): void {
  const [beyond] = patternsBeyond(constraints.eventTypes, eventTypes)
  if (beyond === undefined) return
  throw new ServiceError(
    'forbidden',
    `The key is constrained to events of type ${constraints.eventTypes?.join(', ')}; this reaches ${beyond}.`,
  )
}
