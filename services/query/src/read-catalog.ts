import type { CatalogEntry, ResourceKind } from '@millrace/catalog/resources'
import { showResource } from '@millrace/catalog/show-resource'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { CatalogKind } from './describe-catalog.ts'
import type { HttpDeps } from './http.ts'

export type CatalogDeps = Pick<HttpDeps, 'catalog' | 'cursors' | 'keyUsage' | 'replays'>

export interface CatalogPage {
  readonly entries: readonly CatalogEntry[]
  readonly nextCursor: string | undefined
}

/** The resources of a kind, by name. */
export function listCatalog(
  { catalog, cursors }: CatalogDeps,
  tenant: string,
  kind: ResourceKind,
  limit: number,
  cursor: string | undefined,
): CatalogPage {
  const subject = JSON.stringify(['catalog', tenant, kind])
  const after = cursor === undefined ? '' : (cursors.decode(subject, cursor)[0] ?? '')
  const entries = catalog.list(tenant, kind).filter(({ name }) => name > after)
  const page = entries.slice(0, limit)
  const last = entries.length > limit ? page.at(-1) : undefined
  return { entries: page, nextCursor: last && cursors.encode(subject, [last.name]) }
}

/** @throws {ServiceError} `not-found` */
export function findEntry(
  { catalog }: CatalogDeps,
  tenant: string,
  { kind, noun }: Pick<CatalogKind, 'kind' | 'noun'>,
  name: string,
): CatalogEntry {
  const entry = catalog.list(tenant, kind).find((it) => it.name === name)
  if (entry !== undefined) return entry
  throw new ServiceError('not-found', `There is no ${noun} ${JSON.stringify(name)}.`)
}

/** Entries as they are shown, with what is no part of a version: when a key was last used, how far a replay is. */
export async function showEntries(
  { keyUsage, replays }: CatalogDeps,
  tenant: string,
  entries: readonly CatalogEntry[],
): Promise<readonly object[]> {
  const named = entries.filter(({ kind }) => kind === 'replay').map(({ name }) => name)
  const progress = await replays.read(tenant, named)
  return entries.map((entry) => {
    const shown = showResource(entry.kind, entry)
    if (entry.kind === 'replay') return { ...shown, ...progress.get(entry.name) }
    if (entry.kind !== 'key') return shown
    const lastUsedAtUs = keyUsage.lastUsedAtUs(entry.name)
    return { ...shown, lastUsedAt: lastUsedAtUs === undefined ? null : formatTimestamp(lastUsedAtUs) }
  })
}
