import type { IncomingMessage, ServerResponse } from 'node:http'
import { ServiceError } from '@millrace/service-kit/errors'
import { answerProblem } from '@millrace/service-kit/problem-http'
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
  app.server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('connection', 'close')
    answerProblem(
      response,
      new ServiceError('expectation-failed', 'The only expectation that is met is "100-continue".'),
    )
  })
}

/** To be called before a body is read. */
export function letContinue(request: IncomingMessage): void {
  const response = waiting.get(request)
  if (response === undefined) return
  waiting.delete(request)
  response.removeHeader('connection')
  response.writeContinue()
}
