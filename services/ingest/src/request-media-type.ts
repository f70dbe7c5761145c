import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyRequest } from 'fastify'

/** Type and subtype of what a request brings, in lower case; empty when it does not say. */
export function mediaTypeOf(request: FastifyRequest): string {
  const contentType = request.headers['content-type'] ?? ''
  // As nearly everybody writes it, it is the answer itself.
  if (plain.test(contentType)) return contentType
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

const plain = /^[a-z0-9.+/-]*$/

const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i

/** @throws {ServiceError} `unsupported-media-type` for JSON in another charset than its only one */
export function checkCharset(request: FastifyRequest): void {
  if (request.headers['content-type']?.includes(';') !== true) return
  const named = charset.exec(request.headers['content-type'] ?? '')?.[1] ?? 'utf-8'
  // US-ASCII is a part of UTF-8.
  if (/^(utf-?8|us-ascii)$/i.test(named)) return
  throw new ServiceError('unsupported-media-type', 'JSON is sent in UTF-8: leave the charset away.')
}
