import type { CatalogRecord } from '@millrace/proto'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { CatalogEntry, EventType, Meter, ResourceKind } from './resources.ts'

/** The catalog in memory, fed with the records of millrace.catalog in their order. */
export interface CatalogStore {
  /**
   * Applies a record; older versions than the known one change nothing.
   * @param offset of the record in millrace.catalog
   */
  apply(record: CatalogRecord, offset?: number): void
  eventType(tenant: string, name: string): CatalogEntry<EventType> | undefined
  meter(tenant: string, name: string): CatalogEntry<Meter> | undefined
  /** All of one kind and tenant, by name. */
  list(tenant: string, kind: ResourceKind): readonly CatalogEntry[]
  /** All of one kind, of every tenant, in no order. */
  all(kind: ResourceKind): readonly CatalogEntry[]
  /** Last version of a resource, a deleted one included; 0 when it never was. */
  versionOf(tenant: string, kind: ResourceKind, name: string): number
  /** Last record of a resource, also when it was deleted. */
  latest(tenant: string, kind: ResourceKind, name: string): CatalogRecord | undefined
  /** Offset of a resource's last record: who has read beyond it knows the version. -1 when it is not known. */
  writtenAt(tenant: string, kind: ResourceKind, name: string): number
  /** Calls back after each applied record. */
  onChange(listener: (record: CatalogRecord) => void): void
}

export function catalogKey(tenant: string, kind: ResourceKind, name: string): string {
  return `${tenant}/${kind}/${name}`
}

export function createCatalogStore(): CatalogStore {
  const entries = new Map<string, CatalogEntry>()
  const records = new Map<string, CatalogRecord>()
  const offsets = new Map<string, number>()
  const listeners: ((record: CatalogRecord) => void)[] = []
  const find = <Body>(tenant: string, kind: ResourceKind, name: string): CatalogEntry<Body> | undefined =>
    entries.get(catalogKey(tenant, kind, name)) as CatalogEntry<Body> | undefined
  const latest = (tenant: string, kind: ResourceKind, name: string): CatalogRecord | undefined =>
    records.get(catalogKey(tenant, kind, name))
  return {
    apply(record, offset = -1) {
      const kind = record.kind as ResourceKind
      const key = catalogKey(record.tenant, kind, record.name)
      if (record.version <= (records.get(key)?.version ?? 0)) return
      // Made first: a record that cannot be read changes nothing.
      const entry = record.deleted ? undefined : toEntry(record)
      records.set(key, record)
      offsets.set(key, offset)
      if (entry === undefined) entries.delete(key)
      else entries.set(key, entry)
      for (const listener of listeners) listener(record)
    },
    eventType: (tenant, name) => find<EventType>(tenant, 'event-type', name),
    meter: (tenant, name) => find<Meter>(tenant, 'meter', name),
    list: (tenant, kind) =>
      [...entries.values()]
        .filter((entry) => entry.tenant === tenant && entry.kind === kind)
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    all: (kind) => [...entries.values()].filter((entry) => entry.kind === kind),
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
