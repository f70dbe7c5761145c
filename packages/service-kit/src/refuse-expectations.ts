import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { ServiceError } from './errors.ts'
import { answerProblem } from './problem-http.ts'

/**
 * What a sender expects beside "100-continue" nobody here meets; Node would say so with an empty answer.
 * @param headers of every answer of the door
 */
export function refuseExpectations(server: Server, headers: Readonly<Record<string, string>> = {}): void {
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('connection', 'close')
    answerProblem(
      response,
      new ServiceError('expectation-failed', 'The only expectation that is met is "100-continue".'),
      headers,
    )
  })
}
