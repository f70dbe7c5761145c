import { type Readable, Transform } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RequestBudget, RequestShare } from './request-budget.ts'

/** A length that is taken at the sender's word: what does not come is missed in the budget for a moment only. */
export const trustedBytes = 16 * 1024

/**
 * Counts what every request of the door holds against the budget, from before its body is read until its answer is
 * sent. Larger bodies and those of unknown length count as they come, so that announcing much costs others nothing.
 */
export function limitRequestBytes(app: FastifyInstance, budget: RequestBudget): void {
  app.addHook('preParsing', (request, reply, payload, done) => {
    try {
      const share = budget.open()
      ;(request as Counted)[counted] = share
      reply.raw.on('close', () => share.close())
      const announced = announcedBytes(request)
      if (announced > trustedBytes) {
        done(null, countBytes(payload, share))
        return
      }
      share.take(announced)
    } catch (error) {
      done(error as Error)
      return
    }
    done(null, payload)
  })
}

const counted = Symbol('share')

interface Counted extends FastifyRequest {
  [counted]?: RequestShare
}

/** Takes what came of undoing the codings of the request's body. @throws {ServiceError} `unavailable` */
export function takeDecodedBytes(request: FastifyRequest, bytes: number): void {
  ;(request as Counted)[counted]?.take(bytes)
}

function announcedBytes({ headers }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY
  return Number(headers['content-length'] ?? 0)
}

function countBytes(payload: Readable, share: RequestShare): Readable {
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, passOn) {
      try {
        share.take(chunk.length)
        passOn(null, chunk)
      } catch (error) {
        passOn(error as Error)
      }
    },
  })
  // Whoever reads the body hears of it. Where nobody does, it must not end the process.
  counter.on('error', () => undefined)
  payload.on('error', (error) => counter.destroy(error))
  payload.once('close', () => {
    if (!payload.readableEnded) counter.destroy()
  })
  return payload.pipe(counter)
}
