import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyRequest } from 'fastify'

/**
 * Whether a request comes from a page of this host, or from something that is no browser: browsers tell of every other
 * site's request by one of these headers, and pages cannot write them.
 * Source: Fetch Metadata (W3C), and net/http.CrossOriginProtection of Go, which decides alike.
 */
export function isSameOrigin({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  const { origin, host } = headers
  return origin === undefined || URL.parse(origin)?.host === host
}

/** A hook for routes that change something. */
export function requireSameOrigin(
  request: FastifyRequest,
  _reply: unknown,
  done: (error?: Error) => void,
): void {
  if (isSameOrigin(request)) done()
  else
    done(
      new ServiceError(
        'forbidden',
        'This is for pages of this host only: the request came from another site.',
      ),
    )
}
