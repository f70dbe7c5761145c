import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuseExpectations } from '@millrace/service-kit/refuse-expectations'
import type { FastifyInstance } from 'fastify'

const waiting = new WeakMap<IncomingMessage, ServerResponse>()

/**
 * A sender who waits for "100 Continue" gets it when its body is about to be read, so that a refusal costs no body.
 * After a refusal the connection is closed: nobody could tell whether the body or another request comes next.
 */
export function installExpectations(app: FastifyInstance): void {
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response)
    response.setHeader('connection', 'close')
    app.routing(request, response)
  })
  refuseExpectations(app.server)
}

/** To be called before a body is read. */
export function letContinue(request: IncomingMessage): void {
  const response = waiting.get(request)
  if (response === undefined) return
  waiting.delete(request)
  response.removeHeader('connection')
  response.writeContinue()
}
