import type { CatalogStore } from '@millrace/catalog/catalog-store'
import { parseDuration } from '@millrace/catalog/duration'
import { createFaultFinder } from '@millrace/catalog/fault-finder'
import type { CatalogEntry, EventType, Meter } from '@millrace/catalog/resources'
import type { Logger } from '@millrace/service-kit/log'
import { prepareRates } from './choose-rate.ts'
import type { TypeRules } from './judge-event.ts'
import { type PreparedMeter, prepareMeter } from './prepare-meter.ts'

type FindFaultOf = (entry: CatalogEntry<EventType>) => TypeRules['findFault']
type Skip = (kind: 'meter' | 'event-type', entry: CatalogEntry, error?: unknown) => void

const unknownType: TypeRules = { version: 0, findFault: undefined, maxAge: undefined, meters: [], rates: [] }

/** What the catalog says, prepared per tenant and event type; a change of the catalog is seen by the next event. */
export interface TypeRulesSource {
  rulesOf(tenant: string, type: string): TypeRules
}

export function createTypeRulesSource(store: CatalogStore, logger: Pick<Logger, 'error'>): TypeRulesSource {
  const skip = createSkipping(logger)
  const prepared = new Map<string, Map<string, TypeRules>>()
  const schemas = new Map<string, { version: number; findFault: TypeRules['findFault'] }>()
  const findFaultOf: FindFaultOf = (entry) => {
    const key = `${entry.tenant}/${entry.name}`
    const known = schemas.get(key)
    if (known?.version === entry.version) return known.findFault
    const findFault = entry.body.schema === undefined ? undefined : createFaultFinder(entry.body.schema)
    schemas.set(key, { version: entry.version, findFault })
    return findFault
  }
  store.onChange(({ tenant, kind, name, deleted }) => {
    if (kind !== 'event-type' && kind !== 'meter') return
    prepared.delete(tenant)
    if (kind === 'event-type' && deleted) schemas.delete(`${tenant}/${name}`)
  })
  return {
    rulesOf(tenant, type) {
      let ofTenant = prepared.get(tenant)
      if (ofTenant === undefined) {
        ofTenant = prepareTenant(store, tenant, findFaultOf, skip)
        // Tenants come with keys, so their number is bounded; types that nobody registered are not kept.
        prepared.set(tenant, ofTenant)
      }
      return ofTenant.get(type) ?? unknownType
    },
  }
}

function prepareTenant(
  store: CatalogStore,
  tenant: string,
  findFaultOf: FindFaultOf,
  skip: Skip,
): Map<string, TypeRules> {
  const metersByType = new Map<string, PreparedMeter[]>()
  for (const entry of store.list(tenant, 'meter') as readonly CatalogEntry<Meter>[]) {
    const meter = prepareMeter(entry)
    if (meter === undefined) {
      skip('meter', entry)
      continue
    }
    for (const type of new Set(entry.body.eventTypes)) {
      metersByType.set(type, [...(metersByType.get(type) ?? []), meter])
    }
  }
  const rules = new Map<string, TypeRules>()
  for (const entry of store.list(tenant, 'event-type') as readonly CatalogEntry<EventType>[]) {
    const { maxAge } = entry.body
    try {
      rules.set(entry.name, {
        version: entry.version,
        findFault: findFaultOf(entry),
        maxAge: maxAge === undefined ? undefined : parseDuration(maxAge),
        meters: metersByType.get(entry.name) ?? [],
        rates: prepareRates(entry.body.rates),
      })
    } catch (error) {
      skip('event-type', entry, error)
    }
  }
  for (const [type, meters] of metersByType) {
    if (!rules.has(type)) rules.set(type, { ...unknownType, meters })
  }
  return rules
}

/**
 * Tells once per version of what cannot be prepared. One bad record of one tenant must not end the landing of all: events
 * land as if it had not been written, until it is written anew.
 */
function createSkipping(logger: Pick<Logger, 'error'>): Skip {
  const told = new Map<string, number>()
  return (kind, { tenant, name, version }, error) => {
    const entry = `${tenant}/${kind}/${name}`
    if (told.get(entry) === version) return
    told.set(entry, version)
    logger.error({ tenant, kind, name, version, err: error }, 'a resource is skipped: it cannot be prepared')
  }
}
