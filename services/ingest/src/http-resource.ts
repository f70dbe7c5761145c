import { checkShape } from '@millrace/catalog/check-shape'
import type { CatalogWrite, WrittenResource } from '@millrace/catalog/decide-write'
import type { ResourceKind } from '@millrace/catalog/resources'
import { showResource } from '@millrace/catalog/show-resource'
import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Validator } from 'typebox/compile'
import { readQuery } from './check-query.ts'
import { principalOf } from './require-scope.ts'

/** What the routes of the catalog have in common. */

export const maxResourceBytes = 256 * 1024

/** @throws {ServiceError} `invalid-request` */
export function readName(request: FastifyRequest, shape: Validator, noun: string): string {
  const { name } = request.params as { name: string }
  const [fault] = checkShape(shape, name)
  if (fault === undefined) return name
  throw new ServiceError(
    'invalid-request',
    `${JSON.stringify(name.slice(0, 300))} is not a name that ${noun}s may have: it ${fault.detail}.`,
  )
}

/**
 * Who writes, and on what condition.
 * @throws {ServiceError} `invalid-request`
 */
export function readWrite(
  request: FastifyRequest,
  kind: ResourceKind,
  name: string,
): Omit<CatalogWrite, 'body' | 'change'> {
  readQuery(request, [])
  const { tenant, application, constraints } = principalOf(request)
  return {
    tenant,
    application,
    ...(constraints !== undefined && { constraints }),
    kind,
    name,
    ...readPreconditions(request),
  }
}

export function sendResource(
  reply: FastifyReply,
  { kind, name }: { kind: ResourceKind; name: string },
  written: WrittenResource,
  once: object = {},
): FastifyReply {
  return reply
    .header('etag', `"${written.version}"`)
    .send({ ...showResource(kind, { name, ...written }), ...once })
}

/** RFC 9110, sections 8.8.3 and 13.1. */
const tagList = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?:\s*,\s*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")*$/

/** Weak and foreign tags match nothing: comparison is strong (RFC 9110, section 13.1.1). */
function readPreconditions(request: FastifyRequest): Pick<CatalogWrite, 'ifMatch' | 'ifNoneMatch'> {
  const ifMatch = request.headers['if-match']?.trim()
  const ifNoneMatch = request.headers['if-none-match']?.trim()
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new ServiceError('invalid-request', 'If-None-Match is understood as "*" only.')
  }
  if (ifMatch !== undefined && ifMatch !== '*' && !tagList.test(ifMatch)) {
    throw new ServiceError('invalid-request', 'If-Match holds ETags in quotes, such as "3", or is *.')
  }
  return {
    ...(ifMatch !== undefined && { ifMatch: ifMatch === '*' ? ('*' as const) : readTags(ifMatch) }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch: true }),
  }
}

function readTags(header: string): number[] {
  return header
    .split(',')
    .map((tag) => /^"(\d{1,15})"$/.exec(tag.trim())?.[1])
    .filter((version) => version !== undefined)
    .map(Number)
}
