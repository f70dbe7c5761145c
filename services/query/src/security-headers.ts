import type { FastifyInstance } from 'fastify'

/** For what is no page: it loads nothing and stands in no frame. A page brings a policy of its own. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

/** Over TLS a browser is to come back over TLS only. */
const strictTransport = { 'strict-transport-security': 'max-age=31536000' }

/** On every response, also those of errors; add it before whatever answers in a hook. */
export function installSecurityHeaders(app: FastifyInstance, overTls: boolean): void {
  const headers = overTls ? { ...securityHeaders, ...strictTransport } : securityHeaders
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
}
