import type { CatalogStore } from '@millrace/catalog/catalog-store'
import { isUsableType, toValidityRules, type ValidityRules } from '@millrace/catalog/event-validity'
import type { CatalogEntry, EventType, Meter } from '@millrace/catalog/resources'
import type { Logger } from '@millrace/service-kit/log'
import { prepareRates } from './choose-rate.ts'
import type { TypeRules } from './judge-event.ts'
import { type PreparedMeter, prepareMeter } from './prepare-meter.ts'

type ValidityOf = (entry: CatalogEntry<EventType>) => ValidityRules
type Tell = (kind: 'meter' | 'event-type', entry: CatalogEntry) => void

const unknownType: TypeRules = { version: 0, findFault: undefined, maxAge: undefined, meters: [], rates: [] }

/** What the catalog says, prepared per tenant and event type; a change of the catalog is seen by the next event. */
export interface TypeRulesSource {
  rulesOf(tenant: string, type: string): TypeRules
}

export function createTypeRulesSource(store: CatalogStore, logger: Pick<Logger, 'error'>): TypeRulesSource {
  const tell = createTelling(logger)
  const prepared = new Map<string, Map<string, TypeRules>>()
  const validities = new Map<string, { readonly version: number; readonly rules: ValidityRules }>()
  const validityOf: ValidityOf = (entry) => {
    const key = `${entry.tenant}/${entry.name}`
    const known = validities.get(key)
    if (known?.version === entry.version) return known.rules
    const rules = toValidityRules(entry.body)
    validities.set(key, { version: entry.version, rules })
    return rules
  }
  store.onChange(({ tenant, kind, name, deleted }) => {
    if (kind !== 'event-type' && kind !== 'meter') return
    prepared.delete(tenant)
    if (kind === 'event-type' && deleted) validities.delete(`${tenant}/${name}`)
  })
  return {
    rulesOf(tenant, type) {
      let ofTenant = prepared.get(tenant)
      if (ofTenant === undefined) {
        ofTenant = prepareTenant(store, tenant, validityOf, tell)
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
  validityOf: ValidityOf,
  tell: Tell,
): Map<string, TypeRules> {
  const metersByType = new Map<string, PreparedMeter[]>()
  for (const entry of store.list(tenant, 'meter') as readonly CatalogEntry<Meter>[]) {
    const meter = prepareMeter(entry)
    if (meter === undefined) {
      tell('meter', entry)
      continue
    }
    for (const type of new Set(entry.body.eventTypes)) {
      metersByType.set(type, [...(metersByType.get(type) ?? []), meter])
    }
  }
  const rules = new Map<string, TypeRules>()
  for (const entry of store.list(tenant, 'event-type') as readonly CatalogEntry<EventType>[]) {
    const isUsable = isUsableType(entry.body)
    if (!isUsable) tell('event-type', entry)
    rules.set(entry.name, {
      version: entry.version,
      ...validityOf(entry),
      meters: metersByType.get(entry.name) ?? [],
      rates: isUsable ? prepareRates(entry.body.rates) : [],
    })
  }
  for (const [type, meters] of metersByType) {
    if (!rules.has(type)) rules.set(type, { ...unknownType, meters })
  }
  return rules
}

/**
 * Tells once per version of what cannot be used. One bad record of one tenant must not end the landing of all: such a meter
 * counts nothing, and the events of such a type are invalid until it is written anew.
 */
function createTelling(logger: Pick<Logger, 'error'>): Tell {
  const told = new Map<string, number>()
  return (kind, { tenant, name, version }) => {
    const entry = `${tenant}/${kind}/${name}`
    if (told.get(entry) === version) return
    told.set(entry, version)
    logger.error({ tenant, kind, name, version }, 'a resource of the catalog cannot be used')
  }
}
