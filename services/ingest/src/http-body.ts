import { Readable } from 'node:stream'
import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { readCodings, understoodCodings } from './content-coding.ts'
import { letContinue } from './expect-continue.ts'
import { takeDecodedBytes } from './limit-request-bytes.ts'
import type { BodyLimits, IncomingBody } from './receive-body.ts'

/** Hands bodies to their routes unread: those who read them know better how much of them to hold. */
export function leaveBodiesUnread(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
}

/** Of a route whose bodies are left unread. */
export function bodyOf(request: FastifyRequest): IncomingBody {
  const { body } = request
  // Without a body there is nothing to parse, and so nobody who left it unread.
  return incomingBody(request, body instanceof Readable ? body : Readable.from([]))
}

export function incomingBody({ headers, raw }: FastifyRequest, payload: Readable): IncomingBody {
  const length = headers['content-length']
  return {
    payload,
    codings: readCodings(headers['content-encoding']),
    announcedBytes: length === undefined ? undefined : Number(length),
    begin: () => letContinue(raw),
  }
}

export function limitsOf(request: FastifyRequest, maxBytes: number): BodyLimits {
  return { maxBytes, grow: (bytes) => takeDecodedBytes(request, bytes) }
}

/** A hook that refuses what nobody here could decode, before the body is read; it says what could be. */
export function checkCodings(
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  const transfer = request.headers['transfer-encoding']
  if (transfer !== undefined && !/^chunked$/i.test(transfer.trim())) {
    done(new ServiceError('invalid-request', 'The transfer-encoding has to be chunked, and nothing else.'))
    return
  }
  try {
    readCodings(request.headers['content-encoding'])
    done()
  } catch (error) {
    reply.header('accept-encoding', understoodCodings)
    done(error as Error)
  }
}
