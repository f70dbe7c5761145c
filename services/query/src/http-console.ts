import { createHash } from 'node:crypto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { acceptsCoding } from './accepts-coding.ts'
import { type ConsoleFile, readConsoleFiles } from './console-files.ts'
import { isKnown } from './match-tag.ts'

/** Nothing but what this door serves: no inline scripts or styles, no other hosts, no frames. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const pageHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'x-frame-options': 'DENY',
  // A new version of the service is a new version of the page.
  'cache-control': 'no-cache',
}

/** Their names hold a hash of what is in them. */
const assetHeaders = { 'cache-control': 'public, max-age=31536000, immutable' }

/** Addresses of the console's views: each of them is the same page, which reads the address. */
export const consolePaths = ['/', '/reports', '/events', '/deliveries', '/postbacks', '/catalog'] as const

/** The page for people at `/`, as it was built into console/dist. */
export function addConsoleRoutes(
  app: FastifyInstance,
  files: readonly ConsoleFile[] = readConsoleFiles(),
): void {
  const page = files.find(({ name }) => name === 'index.html')
  const tag = page && `"${createHash('sha256').update(page.plain).digest('base64url').slice(0, 22)}"`
  for (const path of consolePaths) {
    app.get(path, { schema: { hide: true } }, (request, reply) => {
      if (page === undefined)
        throw new ServiceError('unavailable', 'The console is not built here: make setup.')
      reply.headers(pageHeaders).header('etag', tag)
      if (isKnown(request.headers['if-none-match'], tag ?? '')) return reply.code(304).send()
      return sendFile(request, reply, page)
    })
  }
  for (const file of files) {
    if (file === page) continue
    app.get(`/${file.name}`, { schema: { hide: true } }, (request, reply) =>
      sendFile(request, reply.headers(assetHeaders), file),
    )
  }
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: ConsoleFile): FastifyReply {
  const accepted = request.headers['accept-encoding'] as string | undefined
  reply.type(file.type).header('vary', 'accept-encoding')
  if (file.brotli !== undefined && acceptsCoding(accepted, 'br'))
    return reply.header('content-encoding', 'br').send(file.brotli)
  if (file.gzip !== undefined && acceptsCoding(accepted, 'gzip'))
    return reply.header('content-encoding', 'gzip').send(file.gzip)
  return reply.send(file.plain)
}
