import type { Principal } from '@millrace/catalog/authenticate-key'
import type { CatalogEntry } from '@millrace/catalog/resources'
import type {
  CatalogResource,
  GetCatalogResourceRequest,
  GetCatalogResourceResponse,
  GetKeyResponse,
  ListCatalogRequest,
  ListCatalogResponse,
  ListKeysRequest,
  ListKeysResponse,
} from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { type CatalogKind, catalogKinds } from './describe-catalog.ts'
import type { GrpcDeps } from './grpc.ts'
import { checkLimit } from './grpc-lists.ts'
import { listLimits } from './list-parameters.ts'
import { findEntry, listCatalog, showEntries } from './read-catalog.ts'

/** By the last part of their addresses. */
const kinds: ReadonlyMap<string, CatalogKind> = new Map(
  catalogKinds.map((kind) => [kind.path.slice(kind.path.lastIndexOf('/') + 1), kind]),
)
const keys = kinds.get('keys') as CatalogKind
/** Keys take another scope, and so calls of their own. */
const openKinds = [...kinds.keys()].filter((name) => name !== 'keys')

export async function listResources(
  deps: GrpcDeps,
  principal: Principal,
  { kind, limit, cursor }: ListCatalogRequest,
): Promise<ListCatalogResponse> {
  const page = await readPage(deps, principal, readKind(kind), limit, cursor)
  return { resources: page.found, nextCursor: page.nextCursor }
}

export async function getResource(
  deps: GrpcDeps,
  principal: Principal,
  { kind, name }: GetCatalogResourceRequest,
): Promise<GetCatalogResourceResponse> {
  const entry = findEntry(deps, principal.tenant, readKind(kind), name)
  const [resource] = await toResources(deps, principal, [entry])
  return { resource }
}

export async function listKeys(
  deps: GrpcDeps,
  principal: Principal,
  { limit, cursor }: ListKeysRequest,
): Promise<ListKeysResponse> {
  const page = await readPage(deps, principal, keys, limit, cursor)
  return { keys: page.found, nextCursor: page.nextCursor }
}

export async function getKey(deps: GrpcDeps, principal: Principal, id: string): Promise<GetKeyResponse> {
  const [key] = await toResources(deps, principal, [findEntry(deps, principal.tenant, keys, id)])
  return { key }
}

async function readPage(
  deps: GrpcDeps,
  principal: Principal,
  { kind }: CatalogKind,
  limit: number,
  cursor: string,
): Promise<{ found: CatalogResource[]; nextCursor: string }> {
  // As many as at the HTTP door: resources are few, and who asks for them mostly wants all.
  const items = checkLimit(limit, listLimits.maxItems)
  const page = listCatalog(deps, principal.tenant, kind, items, cursor || undefined)
  return { found: await toResources(deps, principal, page.entries), nextCursor: page.nextCursor ?? '' }
}

async function toResources(
  deps: GrpcDeps,
  { tenant }: Principal,
  entries: readonly CatalogEntry[],
): Promise<CatalogResource[]> {
  const shown = await showEntries(deps, tenant, entries)
  return entries.map(({ name, version }, index) => ({ name, version, json: JSON.stringify(shown[index]) }))
}

/** @throws {ServiceError} `invalid-request` */
function readKind(name: string): CatalogKind {
  const kind = openKinds.includes(name) ? kinds.get(name) : undefined
  if (kind !== undefined) return kind
  const detail = `kind is one of ${openKinds.join(', ')}.`
  throw new ServiceError('invalid-request', detail, { faults: [{ pointer: '/kind', detail }] })
}
