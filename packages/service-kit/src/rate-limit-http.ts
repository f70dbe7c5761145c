import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from './errors.ts'

/** What a rate limit says to one request. */
export interface RateLimitAnswer {
  readonly admitted: boolean
  /** Tokens that a window has. */
  readonly quota: number
  readonly windowSeconds: number
  /** Whole tokens that are left. */
  readonly remaining: number
  /** Seconds until the quota is whole again. */
  readonly resetSeconds: number
  /** Seconds until a request is admitted again. */
  readonly retryAfterSeconds: number
}

/**
 * Lets no request's body in that is over its limit. Runs after the hooks of the routes that find out who asks, so that
 * no route has to think of it.
 * @param take what the caller's limit says; undefined when there is none
 */
export function installRateLimits(
  app: FastifyInstance,
  take: (request: FastifyRequest) => RateLimitAnswer | undefined,
): void {
  app.addHook('preParsing', (request, reply, payload, done) => {
    const answer = take(request)
    if (answer === undefined) {
      done(null, payload)
      return
    }
    writeRateLimit(reply, answer)
    done(answer.admitted ? null : rateLimited(answer), payload)
  })
}

/** Names and values of headers. Source: draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4. */
export function formatRateLimit(
  answer: RateLimitAnswer,
): readonly (readonly [name: string, value: string])[] {
  return [
    ['ratelimit-policy', `"key";q=${answer.quota};w=${answer.windowSeconds}`],
    ['ratelimit', `"key";r=${answer.remaining};t=${answer.resetSeconds}`],
  ]
}

export function writeRateLimit(reply: FastifyReply, answer: RateLimitAnswer): void {
  for (const [name, value] of formatRateLimit(answer)) reply.header(name, value)
}

export function rateLimited({ retryAfterSeconds }: RateLimitAnswer): ServiceError {
  return new ServiceError(
    'rate-limited',
    'The key is over its rate limit. Send the same request again later.',
    {
      retryAfterSeconds,
    },
  )
}
