import type { CatalogStore } from '@millrace/catalog/catalog-store'
import type { CatalogEntry, Meter } from '@millrace/catalog/resources'
import type { ChunkRange } from './backfill-plan.ts'
import { type PreparedMeter, prepareMeter } from './prepare-meter.ts'

/** A version of a meter that has to count the events that were there before it. */
export interface BackfilledMeter {
  readonly tenant: string
  readonly name: string
  readonly version: number
  /** Its record's offset in millrace.catalog: an event that was judged by a reader beyond it has the reading. */
  readonly writtenAt: number
  readonly eventTypes: readonly string[]
  readonly prepared: PreparedMeter
  /** It reads into the events' data. */
  readonly readsData: boolean
}

/** The present version of every meter, prepared once per change of the catalog. */
export function createBackfilledMeters(
  store: Pick<CatalogStore, 'all' | 'writtenAt' | 'onChange'>,
): () => readonly BackfilledMeter[] {
  let known: readonly BackfilledMeter[] | undefined
  store.onChange(({ kind }) => {
    if (kind === 'meter') known = undefined
  })
  return () => {
    known ??= (store.all('meter') as readonly CatalogEntry<Meter>[]).flatMap(
      (entry) => toBackfilledMeter(entry, store.writtenAt(entry.tenant, 'meter', entry.name)) ?? [],
    )
    return known
  }
}

/** @returns undefined for a meter that takes no readings */
function toBackfilledMeter(entry: CatalogEntry<Meter>, writtenAt: number): BackfilledMeter | undefined {
  const prepared = prepareMeter(entry)
  if (prepared === undefined) return undefined
  const { eventTypes, value = '', groupBy = {} } = entry.body
  return {
    tenant: entry.tenant,
    name: entry.name,
    version: entry.version,
    writtenAt,
    eventTypes: [...new Set(eventTypes)],
    prepared,
    readsData: [value, ...Object.values(groupBy)].some((pointer) => pointer.split('/')[1] === 'data'),
  }
}

/** Names a version of a meter; no part can hold a slash but the tenant's, which none may. */
export function meterKey({
  tenant,
  name,
  version,
}: Pick<BackfilledMeter, 'tenant' | 'name' | 'version'>): string {
  return `${tenant}/${name}/${version}`
}

/**
 * The events of a chunk: those that were judged before the meter was known. Rows that land later have a higher
 * catalog position, so the set is the same however often and whenever it is read.
 */
export function selectEvents(
  { tenant, eventTypes, writtenAt }: BackfilledMeter,
  { fromUs, toUs, bucket, buckets }: Omit<ChunkRange, 'events'>,
): { readonly where: string; readonly parameters: Readonly<Record<string, unknown>> } {
  const at = (name: string): string => `fromUnixTimestamp64Micro({${name}: Int64}, 'UTC')`
  const share = buckets === 1 ? '' : ` AND cityHash64(source, id) % {buckets: UInt32} = {bucket: UInt32}`
  return {
    where: `tenant = {tenant: String} AND type IN {types: Array(String)}
        AND occurred_at >= ${at('fromUs')} AND occurred_at < ${at('toUs')}
        AND catalog_position <= {writtenAt: UInt64}${share}`,
    parameters: {
      tenant,
      types: eventTypes,
      fromUs: String(fromUs),
      toUs: String(toUs),
      writtenAt: String(writtenAt),
      ...(buckets > 1 && { bucket, buckets }),
    },
  }
}
