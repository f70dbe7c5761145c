import type { FastifyInstance } from 'fastify'
import { ServiceError } from './errors.ts'

/**
 * HTTP/1.1 wants a host (RFC 9112, section 3.2). Node would refuse requests without one, but with an empty answer: its
 * `requireHostHeader` has to be off.
 */
export function requireHost(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    if (raw.headers.host !== undefined || raw.httpVersion === '1.0') done()
    else done(new ServiceError('invalid-request', 'The request has no header host, which HTTP/1.1 wants.'))
  })
}
