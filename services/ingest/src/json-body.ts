import type { Readable } from 'node:stream'
import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { checkCodings, incomingBody, limitsOf } from './http-body.ts'
import { parseJsonBody } from './parse-json-body.ts'
import { collectBody } from './receive-body.ts'
import { checkCharset } from './request-media-type.ts'

/** A body that is not read yet. */
class UnreadJson {
  readonly payload: Readable
  constructor(payload: Readable) {
    this.payload = payload
  }
}

/**
 * Reads JSON bodies of all routes that do not read them by themselves: compressed or not, up to the route's limit. An
 * empty one is none. Not in the parser: what fails there closes the connection before the answer is read.
 */
export function installJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', (_request, payload, done) =>
    done(null, new UnreadJson(payload)),
  )
  app.addHook('preParsing', (request, reply, _payload, done) => checkCodings(request, reply, done))
  app.addHook('preValidation', (request, _reply, done) => {
    if (!(request.body instanceof UnreadJson)) {
      done()
      return
    }
    readJson(request, request.body.payload).then((value) => {
      request.body = value
      done()
    }, done)
  })
}

async function readJson(request: FastifyRequest, payload: Readable): Promise<unknown> {
  checkCharset(request)
  const limits = limitsOf(request, request.routeOptions.bodyLimit)
  const body = await collectBody(incomingBody(request, payload), limits)
  if (body.length > 0) return parseJsonBody(body)
  if (request.method === 'PUT') throw new ServiceError('invalid-request', 'The body is empty. Send JSON.')
  return undefined
}
