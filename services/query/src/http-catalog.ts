import type { Scope } from '@millrace/catalog/authenticate-key'
import type { CatalogEntry } from '@millrace/catalog/resources'
import { defaultTenantSettings } from '@millrace/catalog/settings-resource'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import {
  type CatalogKind,
  type CatalogQuery,
  catalogKinds,
  getKind,
  getSettings,
  listKind,
  type ResourceName,
} from './describe-catalog.ts'
import type { Authorize } from './http.ts'
import { listLimits } from './list-parameters.ts'
import { isKnown } from './match-tag.ts'
import { type CatalogDeps, findEntry, listCatalog, showEntries } from './read-catalog.ts'

export function addCatalogRoutes(app: FastifyInstance, deps: CatalogDeps, authorize: Authorize): void {
  for (const kind of catalogKinds) addKind(app, deps, authorize, kind)
  app.get(
    '/v1/settings',
    { onRequest: keyWith(authorize, 'catalog:read'), schema: getSettings },
    (request, reply) => {
      const { tenant } = authorize(request, 'catalog:read')
      const [entry] = deps.catalog.list(tenant, 'settings')
      if (entry !== undefined) return sendEntry(request, reply, entry, deps)
      return sendJson(reply, { ...defaultTenantSettings, version: 0 })
    },
  )
}

function addKind(
  app: FastifyInstance,
  deps: CatalogDeps,
  authorize: Authorize,
  described: CatalogKind,
): void {
  const { kind, path, member, scope } = described
  const onRequest = keyWith(authorize, scope)
  app.get(path, { onRequest, schema: listKind(described) }, async (request, reply) => {
    const { tenant } = authorize(request, scope)
    const { limit = listLimits.maxItems, cursor } = request.query as Static<typeof CatalogQuery>
    const { entries, nextCursor } = listCatalog(deps, tenant, kind, limit, cursor)
    return sendJson(reply, {
      [member]: await showEntries(deps, tenant, entries),
      ...(nextCursor !== undefined && { nextCursor }),
    })
  })
  app.get(`${path}/:name`, { onRequest, schema: getKind(described) }, (request, reply) => {
    const { tenant } = authorize(request, scope)
    const { name } = request.params as Static<typeof ResourceName>
    return sendEntry(request, reply, findEntry(deps, tenant, described, name), deps)
  })
}

/** Before anything else of the request is looked at. */
function keyWith(authorize: Authorize, scope: Scope) {
  return async (request: FastifyRequest): Promise<void> => {
    authorize(request, scope)
  }
}

/** Kinds that tell more than their version does: when a key was last used, how far a replay has come. */
const changing: ReadonlySet<string> = new Set(['key', 'replay'])

async function sendEntry(
  request: FastifyRequest,
  reply: FastifyReply,
  entry: CatalogEntry,
  deps: CatalogDeps,
): Promise<FastifyReply> {
  const tag = `"${entry.version}"`
  reply.header('etag', tag).header('cache-control', 'private, no-cache')
  const known = !changing.has(entry.kind) && isKnown(request.headers['if-none-match'], tag)
  if (known) return reply.code(304).send()
  const [shown] = await showEntries(deps, entry.tenant, [entry])
  return sendJson(reply, shown ?? {})
}

function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return reply.type('application/json').send(JSON.stringify(body))
}
