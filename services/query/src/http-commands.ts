import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { requireSameOrigin } from './same-origin.ts'
import type { Sessions } from './session.ts'
import { sessionOf } from './session-cookie.ts'

/** The commands that the console has forms for; nothing else is handed over. */
const commands = ['/v1/postbacks', '/v1/replays'] as const

/** Of ingest's answer: what a caller can act on. */
const passedOn = ['content-type', 'retry-after', 'etag', 'ratelimit', 'ratelimit-policy'] as const

const timeoutMs = 30_000

export interface CommandsConfig {
  /** Of ingest's public door; undefined where the console only reads. */
  readonly ingestUrl?: string | undefined
}

/**
 * Hands commands of the console over to ingest, with the key that its session holds. Ingest decides; a command whose
 * answer was lost may have been accepted all the same.
 */
export function addCommandRoutes(
  app: FastifyInstance,
  sessions: Sessions,
  { ingestUrl }: CommandsConfig,
): void {
  app.register(async (scope) => {
    // Byte by byte as it came: ingest reads it, and numbers keep their digits.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    for (const path of commands) {
      scope.post(
        `/console${path}`,
        { schema: { hide: true }, onRequest: requireSameOrigin },
        async (request, reply) => {
          const session = sessionOf(request, sessions)
          if (session === undefined)
            throw new ServiceError('unauthenticated', 'Sign in to the console first.')
          if (ingestUrl === undefined) {
            throw new ServiceError('not-found', 'This console only reads: QUERY_INGEST_URL is not set.')
          }
          return handOver(request, reply, `${ingestUrl}${path}`, session.authorization)
        },
      )
    }
  })
}

async function handOver(
  request: FastifyRequest,
  reply: FastifyReply,
  url: string,
  authorization: string,
): Promise<FastifyReply> {
  const { response, body } = await exchange(request, url, authorization).catch((error: unknown) => {
    request.log.warn({ err: error, requestId: request.id }, 'no whole answer of ingest')
    throw new ServiceError(
      'unavailable',
      'The ingest service gave no whole answer. It may have accepted the command: look before you send it again.',
      { cause: error },
    )
  })
  for (const name of passedOn) {
    const value = response.headers.get(name)
    if (value !== null) reply.header(name, value)
  }
  return reply.code(response.status).header('cache-control', 'no-store').send(body)
}

async function exchange(
  request: FastifyRequest,
  url: string,
  authorization: string,
): Promise<{ response: Response; body: Buffer }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', 'x-request-id': request.id },
    body: new Uint8Array(request.body as Buffer),
    // Would carry the key to wherever it leads.
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  return { response, body: Buffer.from(await response.arrayBuffer()) }
}
