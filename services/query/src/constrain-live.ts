import { allowsSubject, allowsType } from '@millrace/catalog/key-constraints'
import type { CatalogEntry, Meter } from '@millrace/catalog/resources'
import { ServiceError } from '@millrace/service-kit/errors'
import type { Reader } from './constrain-events.ts'
import type { LivePush } from './live-hub.ts'
import { sumCells } from './live-merge.ts'

/** What of a push one reader gets to see. */
export type LiveFilter = (push: LivePush) => LivePush

/**
 * How a reader may see a meter live; undefined when that is all of it. A meter's groups do not tell which types of
 * events they are made of, and only a dimension of subjects tells of which subject they are.
 * @throws {ServiceError} `forbidden` when what the key may not read cannot be told apart
 */
export function constrainLive({ constraints }: Reader, entry: CatalogEntry<Meter>): LiveFilter | undefined {
  if (constraints === undefined) return undefined
  const { eventTypes, groupBy = {} } = entry.body
  const beyond = eventTypes.find((type) => !allowsType(constraints, type))
  if (beyond !== undefined) {
    throw new ServiceError('forbidden', `The key may not read ${beyond}, which this meter counts.`)
  }
  if (constraints.subjects === undefined) return undefined
  const dimensions = Object.keys(groupBy).sort()
  const bySubject = dimensions.findIndex((name) => groupBy[name] === '/subject')
  if (bySubject === -1) {
    throw new ServiceError(
      'forbidden',
      'The key is constrained to subjects, and this meter does not group by /subject. Read one that does.',
    )
  }
  return (push) => {
    // Always complete: a second in which nothing is left would otherwise have to be sent as one that was emptied.
    const all = push.all.flatMap(({ second, groups }) => {
      const own = groups.filter(
        // An aggregator puts all groups beyond its cap into one cell without values: nobody knows whose it is.
        ({ group }) =>
          group.length === push.meter.dimensions.length && allowsSubject(constraints, group[bySubject] ?? ''),
      )
      return own.length === 0 ? [] : [{ second, groups: own, total: sumCells(own) }]
    })
    return { ...push, reset: true, changed: all, all }
  }
}
