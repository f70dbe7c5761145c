import type { CatalogRecord } from '@millrace/proto'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { StoredEndpoint } from './endpoint-resource.ts'
import type { CatalogEntry, EventType, Meter, ResourceKind } from './resources.ts'
import { type TenantSettings, tenantSettingsName } from './settings-resource.ts'
import { isUsable } from './stored-shape.ts'

/** The catalog in memory, fed with the records of millrace.catalog in their order. */
export interface CatalogStore {
  /**
   * Applies a record; older versions than the known one change nothing.
   * @param offset where the record stands in millrace.catalog; -1 for one that is not in a log
   */
  apply(record: CatalogRecord, offset?: number): void
  eventType(tenant: string, name: string): CatalogEntry<EventType> | undefined
  meter(tenant: string, name: string): CatalogEntry<Meter> | undefined
  endpoint(tenant: string, name: string): CatalogEntry<StoredEndpoint> | undefined
  /** Undefined while a tenant has not written any. */
  settings(tenant: string): CatalogEntry<TenantSettings> | undefined
  find(tenant: string, kind: ResourceKind, name: string): CatalogEntry | undefined
  /** All of one kind and tenant, by name; the same array until one of them changes. */
  list(tenant: string, kind: ResourceKind): readonly CatalogEntry[]
  /** All of one kind, of every tenant, in no order. */
  all(kind: ResourceKind): readonly CatalogEntry[]
  /** How many there are of one kind and tenant. */
  count(tenant: string, kind: ResourceKind): number
  /** Its last record is no deletion, and cannot be used as what it should be: as if there were no such resource. */
  isUnusable(tenant: string, kind: ResourceKind, name: string): boolean
  /** How many such records there are. */
  unusable(): number
  /** Last version of a resource, a deleted one included; 0 when it never was. */
  versionOf(tenant: string, kind: ResourceKind, name: string): number
  /** Last record of a resource, also when it was deleted. */
  latest(tenant: string, kind: ResourceKind, name: string): CatalogRecord | undefined
  /** Offset of a resource's last record, a deletion included; -1 when it never was, or came from no log. */
  writtenAt(tenant: string, kind: ResourceKind, name: string): number
  /** Calls back after each applied record. */
  onChange(listener: (record: CatalogRecord) => void): void
}

export function catalogKey(tenant: string, kind: ResourceKind, name: string): string {
  return `${tenant}/${kind}/${name}`
}

/** The resources of one kind and tenant. */
interface Group {
  readonly kind: ResourceKind
  readonly byName: Map<string, CatalogEntry>
  sorted: readonly CatalogEntry[] | undefined
}

/** @param onUnusable told of each record that cannot be used, before the listeners are */
export function createCatalogStore(onUnusable?: (record: CatalogRecord) => void): CatalogStore {
  const groups = new Map<string, Group>()
  const records = new Map<string, CatalogRecord>()
  const offsets = new Map<string, number>()
  const unusable = new Set<string>()
  const listeners: ((record: CatalogRecord) => void)[] = []
  const groupOf = (tenant: string, kind: ResourceKind): Group | undefined => groups.get(`${tenant}/${kind}`)
  const find = <Body>(tenant: string, kind: ResourceKind, name: string): CatalogEntry<Body> | undefined =>
    groupOf(tenant, kind)?.byName.get(name) as CatalogEntry<Body> | undefined
  const latest = (tenant: string, kind: ResourceKind, name: string): CatalogRecord | undefined =>
    records.get(catalogKey(tenant, kind, name))
  const place = (record: CatalogRecord, kind: ResourceKind, entry: CatalogEntry | undefined): void => {
    const group = groupOf(record.tenant, kind) ?? { kind, byName: new Map(), sorted: undefined }
    groups.set(`${record.tenant}/${kind}`, group)
    group.sorted = undefined
    if (entry === undefined) group.byName.delete(record.name)
    else group.byName.set(record.name, entry)
  }
  return {
    apply(record, offset = -1) {
      const kind = record.kind as ResourceKind
      const key = catalogKey(record.tenant, kind, record.name)
      if (record.version <= (records.get(key)?.version ?? 0)) return
      // Made first: a record that cannot be read changes nothing.
      const entry = record.deleted ? undefined : toEntry(record)
      const isBad = entry !== undefined && !isUsable(kind, entry.body)
      records.set(key, record)
      offsets.set(key, offset)
      if (isBad) unusable.add(key)
      else unusable.delete(key)
      place(record, kind, isBad ? undefined : entry)
      if (isBad) onUnusable?.(record)
      for (const listener of listeners) listener(record)
    },
    eventType: (tenant, name) => find<EventType>(tenant, 'event-type', name),
    meter: (tenant, name) => find<Meter>(tenant, 'meter', name),
    endpoint: (tenant, name) => find<StoredEndpoint>(tenant, 'endpoint', name),
    settings: (tenant) => find<TenantSettings>(tenant, 'settings', tenantSettingsName),
    find,
    list(tenant, kind) {
      const group = groupOf(tenant, kind)
      if (group === undefined) return []
      group.sorted ??= [...group.byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
      return group.sorted
    },
    all: (kind) =>
      [...groups.values()]
        .filter((group) => group.kind === kind)
        .flatMap((group) => [...group.byName.values()]),
    count: (tenant, kind) => groupOf(tenant, kind)?.byName.size ?? 0,
    isUnusable: (tenant, kind, name) => unusable.has(catalogKey(tenant, kind, name)),
    unusable: () => unusable.size,
    versionOf: (tenant, kind, name) => latest(tenant, kind, name)?.version ?? 0,
    latest,
    writtenAt: (tenant, kind, name) => offsets.get(catalogKey(tenant, kind, name)) ?? -1,
    onChange(listener) {
      listeners.push(listener)
    },
  }
}

function toEntry(record: CatalogRecord): CatalogEntry {
  return {
    tenant: record.tenant,
    kind: record.kind as ResourceKind,
    name: record.name,
    version: record.version,
    body: JSON.parse(record.json) as unknown,
    updatedAt: formatTimestamp(record.writtenAtUs),
    updatedBy: record.writtenBy,
  }
}
