import type { FastifyInstance } from 'fastify'

/** For what is no page: it loads nothing and stands in no frame. A page brings a policy of its own. */
const securityHeaders = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

/** Over TLS a browser is to come back over TLS only. */
const strictTransport = { 'strict-transport-security': 'max-age=31536000' }

/** Of every response, also those of errors, and also of those that no route gives. */
export function readSecurityHeaders(overTls: boolean): Readonly<Record<string, string>> {
  return overTls ? { ...securityHeaders, ...strictTransport } : securityHeaders
}

/** Add it before whatever answers in a hook. */
export function installSecurityHeaders(
  app: FastifyInstance,
  headers: Readonly<Record<string, string>>,
): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
}
