import type { CatalogStore } from '@millrace/catalog/catalog-store'
import { toValidityRules, type ValidityRules } from '@millrace/catalog/event-validity'

/** What events of a type are held against; a type that the catalog does not know allows everything. */
export type RulesOf = (tenant: string, type: string) => ValidityRules

const noRules: ValidityRules = { findFault: undefined, maxAge: undefined }

/** Prepared by the first event of a type, and again when the type has changed. */
export function createTypeValidity(catalog: Pick<CatalogStore, 'eventType' | 'onChange'>): RulesOf {
  const prepared = new Map<string, ValidityRules>()
  catalog.onChange(({ tenant, kind, name }) => {
    if (kind === 'event-type') prepared.delete(`${tenant}/${name}`)
  })
  return (tenant, type) => {
    const key = `${tenant}/${type}`
    const known = prepared.get(key)
    if (known !== undefined) return known
    const entry = catalog.eventType(tenant, type)
    // Types that nobody registered are not kept: senders choose them freely.
    if (entry === undefined) return noRules
    const rules = toValidityRules(entry.body)
    prepared.set(key, rules)
    return rules
  }
}
