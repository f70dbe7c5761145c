import { randomUUID } from 'node:crypto'
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, errorMeanings, type Fault, ServiceError } from './errors.ts'

/** RFC 9457. `type` is stable: clients may compare it. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly errors?: readonly Fault[]
}

export function toProblem(error: ServiceError): Problem {
  const { httpStatus, title } = errorMeanings[error.code]
  return {
    type: `urn:millrace:problem:${error.code}`,
    title,
    status: httpStatus,
    detail: error.message,
    ...(error.faults.length > 0 && { errors: error.faults }),
  }
}

const codesOfFastify: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [
    'too-large',
    'The body is larger than this service accepts. Send smaller batches.',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported-media-type',
    'The content-type is not one that this route reads. Send JSON as application/json.',
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid-request', 'The body is empty. Send JSON.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid-request', 'The body is not valid JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'invalid-request',
    'The body’s length is not what content-length says.',
  ],
  FST_ERR_MAX_PARAM_LENGTH: ['uri-too-long', 'A part of the address is longer than any name here.'],
  FST_ERR_BAD_URL: ['invalid-request', 'The address holds an escape that cannot be decoded.'],
}

/** Turns whatever was thrown into an error that a caller may be told of. */
export function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  const { code, statusCode, validation, validationContext } = error as Partial<FastifyError>
  if (validation !== undefined) {
    const faults = validation.map((issue) => ({
      pointer: issue.instancePath,
      detail: `${validationContext ?? 'request'} ${issue.message ?? 'is not valid'}`,
    }))
    return new ServiceError('invalid-request', faults.map((fault) => fault.detail).join('; '), { faults })
  }
  const known = codesOfFastify[code ?? '']
  if (known !== undefined) return new ServiceError(...known, { cause: error })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ServiceError('invalid-request', 'The request cannot be read.', { cause: error })
  }
  return new ServiceError('internal', 'The request failed on our side. It may be tried again.', {
    cause: error,
  })
}

export function sendProblem(reply: FastifyReply, error: ServiceError): FastifyReply {
  const problem = toProblem(error)
  for (const [name, value] of problemHeaders(error)) reply.header(name, value)
  return reply
    .code(problem.status)
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problem)
}

/** What a problem document's headers say, whoever sends it. */
export function problemHeaders(error: ServiceError): [name: string, value: string][] {
  const { retryAfterSeconds, code } = error
  return [
    ...(retryAfterSeconds === undefined ? [] : [header('retry-after', String(retryAfterSeconds))]),
    ...(code === 'unauthenticated' ? [header('www-authenticate', 'Bearer')] : []),
    header('content-type', 'application/problem+json'),
  ]
}

const header = (name: string, value: string): [name: string, value: string] => [name, value]

const clientRequestId = /^[\w.:-]{1,128}$/

/** Fastify option: the caller's x-request-id where it is harmless, else a new one. */
export function requestIdOf(request: { headers: Record<string, string | string[] | undefined> }): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && clientRequestId.test(given) ? given : randomUUID()
}

/** Fastify option: answers addresses that are refused before there is a route, and so before any hook. */
export function frameworkErrors(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id)
  sendProblem(reply, toServiceError(error))
}

/** Fastify option: answers what Node cannot read as a request at all, and closes the connection. */
export const clientErrorHandler = createClientErrorHandler({})

/** @param headers of every answer of the door */
export function createClientErrorHandler(headers: Readonly<Record<string, string>>) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    // In the middle of an answer another one would only be taken for its rest.
    const { _httpMessage: answering } = socket as { _httpMessage?: { headersSent: boolean } | null }
    if (socket.writable && !answering?.headersSent)
      socket.write(formatProblem(unreadable(error.code), headers))
    socket.destroy(error)
  }
}

function unreadable(code: string | undefined): ServiceError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new ServiceError('headers-too-large', 'Address and headers together are larger than 16 KiB.')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new ServiceError('request-timeout', 'The request did not arrive in time.')
  return new ServiceError('invalid-request', 'This cannot be read as HTTP.')
}

/** Answers what Node hands over before there is a route. */
export function answerProblem(response: ServerResponse, error: ServiceError, headers: object = {}): void {
  const problem = toProblem(error)
  response
    .writeHead(problem.status, {
      ...headers,
      'content-type': 'application/problem+json',
      'x-request-id': randomUUID(),
    })
    .end(JSON.stringify(problem))
}

/** A whole HTTP response. */
function formatProblem(error: ServiceError, headers: Readonly<Record<string, string>>): string {
  const problem = toProblem(error)
  const body = JSON.stringify(problem)
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${randomUUID()}`,
    'connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(error.retryAfterSeconds === undefined ? [] : [`retry-after: ${error.retryAfterSeconds}`]),
    '',
    body,
  ].join('\r\n')
}

/** Problem documents for every error, and x-request-id on every response. */
export function installProblems(app: FastifyInstance): void {
  const answerNotFound = (request: FastifyRequest, reply: FastifyReply) =>
    sendProblem(reply, unserved(app, request, reply))
  app.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done) => {
    reply.header('x-request-id', request.id)
    // Before its body: of what nobody reads nothing has to be held.
    if (request.is404) answerNotFound(request, reply)
    else done()
  })
  app.setErrorHandler((error, request, reply) => {
    const told = toServiceError(error)
    if (told.code === 'internal') request.log.error({ err: error, requestId: request.id }, 'request failed')
    return sendProblem(reply, told)
  })
  // A route may say that it serves nothing.
  app.setNotFoundHandler(answerNotFound)
}

function unserved(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): ServiceError {
  const path = request.url.split('?')[0] ?? ''
  const others = (['GET', 'POST', 'PUT', 'DELETE'] as const).filter(
    // A name in an address may be empty for the router, but nothing has no name.
    (method) => !/.\/$/.test(path) && app.findRoute({ url: path, method }) !== null,
  )
  if (others.length === 0) {
    return new ServiceError('not-found', `Nothing is served at ${request.method} ${path}.`)
  }
  reply.header('allow', others.join(', '))
  return new ServiceError(
    'method-not-allowed',
    `${request.method} is not offered here; use ${others.join(' or ')}.`,
  )
}
