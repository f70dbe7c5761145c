import type { Scope } from '@millrace/catalog/authenticate-key'
import type { CatalogEntry } from '@millrace/catalog/resources'
import { defaultTenantSettings } from '@millrace/catalog/settings-resource'
import { showResource } from '@millrace/catalog/show-resource'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
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
import type { Authorize, HttpDeps } from './http.ts'
import { listLimits } from './list-parameters.ts'
import { isKnown } from './match-tag.ts'

type CatalogDeps = Pick<HttpDeps, 'catalog' | 'cursors' | 'keyUsage' | 'replays'>

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
  const { kind, path, member, noun, scope } = described
  const onRequest = keyWith(authorize, scope)
  app.get(path, { onRequest, schema: listKind(described) }, async (request, reply) => {
    const { tenant } = authorize(request, scope)
    const { limit = listLimits.maxItems, cursor } = request.query as Static<typeof CatalogQuery>
    const subject = JSON.stringify(['catalog', tenant, kind])
    const after = cursor === undefined ? '' : (deps.cursors.decode(subject, cursor)[0] ?? '')
    const entries = deps.catalog.list(tenant, kind).filter(({ name }) => name > after)
    const page = entries.slice(0, limit)
    const last = entries.length > limit ? page.at(-1) : undefined
    return sendJson(reply, {
      [member]: await show(tenant, page, deps),
      ...(last !== undefined && { nextCursor: deps.cursors.encode(subject, [last.name]) }),
    })
  })
  app.get(`${path}/:name`, { onRequest, schema: getKind(described) }, (request, reply) => {
    const { tenant } = authorize(request, scope)
    const { name } = request.params as Static<typeof ResourceName>
    const entry = deps.catalog.list(tenant, kind).find((it) => it.name === name)
    if (entry === undefined) {
      throw new ServiceError('not-found', `There is no ${noun} ${JSON.stringify(name)}.`)
    }
    return sendEntry(request, reply, entry, deps)
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

async function show(
  tenant: string,
  entries: readonly CatalogEntry[],
  { keyUsage, replays }: CatalogDeps,
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
  const [shown] = await show(entry.tenant, [entry], deps)
  return sendJson(reply, shown ?? {})
}

function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return reply.type('application/json').send(JSON.stringify(body))
}
