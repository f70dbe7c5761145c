import type { CatalogStore } from '@millrace/catalog/catalog-store'
import { endpointDefaults, type StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import { allowsType } from '@millrace/catalog/key-constraints'
import type { CatalogEntry, Filter } from '@millrace/catalog/resources'
import { parseTimestamp } from '@millrace/service-kit/timestamp'

/** What an enabled endpoint asks for. */
export interface Subscription {
  readonly endpoint: string
  readonly filter: Filter | undefined
  /** Microseconds since 1970. */
  readonly createdAtUs: number
  /** Offset in millrace.catalog of the endpoint's last write. */
  readonly writtenAt: number
}

/** Finds the subscriptions of a type without looking at the others: a tenant may have thousands of endpoints. */
export interface SubscriptionIndex {
  /** By the endpoint's name; the same array until one of them changes. */
  candidates(tenant: string, type: string): readonly Subscription[]
}

type SubscriptionsCatalog = Pick<CatalogStore, 'all' | 'endpoint' | 'onChange' | 'writtenAt'>

interface Subscribed extends Subscription {
  readonly eventTypes: readonly string[]
  /** One of the types is a pattern: which types it stands for is found out as they come. */
  readonly isPatterned: boolean
}

interface TenantIndex {
  readonly byName: Map<string, Subscribed>
  readonly byType: Map<string, Map<string, Subscribed>>
  readonly patterned: Map<string, Subscribed>
  /** What was asked for already. */
  readonly found: Map<string, readonly Subscription[]>
}

/** Senders choose types freely. */
const maxTypesFound = 10_000
const none: readonly Subscription[] = []

export function createSubscriptionIndex(catalog: SubscriptionsCatalog): SubscriptionIndex {
  const tenants = new Map<string, TenantIndex>()
  const place = (tenant: string, name: string): void => {
    const index = tenants.get(tenant) ?? emptyIndex()
    tenants.set(tenant, index)
    remove(index, name)
    const entry = catalog.endpoint(tenant, name)
    if (entry === undefined || entry.body.enabled === false) return
    add(index, toSubscribed(entry, catalog.writtenAt(tenant, 'endpoint', name)))
  }
  for (const { tenant, name } of catalog.all('endpoint')) place(tenant, name)
  catalog.onChange(({ kind, tenant, name }) => {
    if (kind === 'endpoint') place(tenant, name)
  })
  return {
    candidates(tenant, type) {
      const index = tenants.get(tenant)
      if (index === undefined) return none
      const known = index.found.get(type)
      if (known !== undefined) return known
      const found = find(index, type)
      if (index.found.size >= maxTypesFound) index.found.clear()
      index.found.set(type, found)
      return found
    },
  }
}

function emptyIndex(): TenantIndex {
  return { byName: new Map(), byType: new Map(), patterned: new Map(), found: new Map() }
}

function toSubscribed(
  { name, body, updatedAt }: CatalogEntry<StoredEndpoint>,
  writtenAt: number,
): Subscribed {
  const { eventTypes = endpointDefaults.eventTypes, filter, secrets } = body
  const createdAt = body.createdAt ?? secrets.at(-1)?.createdAt ?? updatedAt
  return {
    endpoint: name,
    filter,
    createdAtUs: parseTimestamp(createdAt) ?? 0,
    writtenAt,
    eventTypes,
    isPatterned: eventTypes.some((type) => type.includes('*')),
  }
}

function add({ byName, byType, patterned, found }: TenantIndex, subscribed: Subscribed): void {
  const { endpoint, eventTypes, isPatterned } = subscribed
  byName.set(endpoint, subscribed)
  if (isPatterned) {
    patterned.set(endpoint, subscribed)
    found.clear()
    return
  }
  for (const type of eventTypes) {
    const ofType = byType.get(type) ?? new Map<string, Subscribed>()
    byType.set(type, ofType.set(endpoint, subscribed))
    found.delete(type)
  }
}

function remove({ byName, byType, patterned, found }: TenantIndex, name: string): void {
  const subscribed = byName.get(name)
  if (subscribed === undefined) return
  byName.delete(name)
  if (patterned.delete(name)) {
    found.clear()
    return
  }
  for (const type of subscribed.eventTypes) {
    const ofType = byType.get(type)
    ofType?.delete(name)
    if (ofType?.size === 0) byType.delete(type)
    found.delete(type)
  }
}

function find({ byType, patterned }: TenantIndex, type: string): readonly Subscription[] {
  const matching = [...patterned.values()].filter(({ eventTypes }) => allowsType({ eventTypes }, type))
  const found = [...(byType.get(type)?.values() ?? []), ...matching]
  return found.sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1))
}
