import type { ServerHttp2Stream } from 'node:http2'
import type { Metadata, ServerInterceptingCall, ServerInterceptor } from '@grpc/grpc-js'
import { toGrpcError } from '@millrace/service-kit/grpc-server'
import type { RequestBudget, RequestShare } from './request-budget.ts'

/** @throws {ServiceError} when a call of the method gets no room. @param path with service and method */
export type CheckKey = (path: string, metadata: Metadata) => void

/** What a piece costs beside its bytes: gRPC keeps them as they come until the message is whole, be they single bytes. */
const bytesPerPiece = 256

/** Beneath the interface that gRPC shows, which tells of whole messages only. */
interface BareCall {
  readonly stream: ServerHttp2Stream
  readonly metadata: Metadata
}

/**
 * Counts what every call holds of a message that has not come as a whole yet against the budget: gRPC collects it
 * before anybody is asked. A whole message is counted by whoever works on it. Who has no key is refused before. The
 * call itself goes on as it is, since another one around it would cost every message.
 */
export function limitCallBytes(budget: RequestBudget, checkKey: CheckKey): ServerInterceptor {
  return ({ path }, next) => {
    // Its type asks for a wrapper, gRPC itself for nothing but the same methods.
    const call = next as ServerInterceptingCall
    const { stream, metadata } = call as unknown as BareCall
    let share: RequestShare
    try {
      checkKey(path, metadata)
      share = budget.open()
    } catch (error) {
      call.sendStatus(toGrpcError(error))
      discard(stream)
      return neverStarted(call)
    }
    let partial = 0
    stream.on('data', (bytes: Buffer) => {
      if (stream.isPaused()) {
        // gRPC reads no further while somebody has a message of it.
        share.give(partial)
        partial = 0
        return
      }
      try {
        share.take(bytes.length + bytesPerPiece)
        partial += bytes.length + bytesPerPiece
      } catch (error) {
        share.close()
        call.sendStatus(toGrpcError(error))
        discard(stream)
      }
    })
    stream.once('close', () => share.close())
    return call
  }
}

/** What still comes of a call that has its status: read, so that the stream can end, and kept by nobody. */
function discard(stream: ServerHttp2Stream): void {
  stream.removeAllListeners('data')
  stream.resume()
}

function neverStarted(call: ServerInterceptingCall): ServerInterceptingCall {
  const nothing = (): void => undefined
  return Object.assign(Object.create(call) as ServerInterceptingCall, { start: nothing, startRead: nothing })
}
