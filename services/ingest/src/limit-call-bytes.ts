import type { ServerHttp2Stream } from 'node:http2'
import type { ServerInterceptingCall, ServerInterceptor } from '@grpc/grpc-js'
import { toGrpcError } from '@millrace/service-kit/grpc-server'
import type { RequestBudget, RequestShare } from './request-budget.ts'

/**
 * Counts what every call holds of a message that has not come as a whole yet against the budget: gRPC collects it
 * before anybody is asked. A whole message is counted by whoever works on it. The call itself goes on as it is, since
 * another one around it would cost every message.
 */
export function limitCallBytes(budget: RequestBudget): ServerInterceptor {
  return (_method, next) => {
    // Its type asks for a wrapper, gRPC itself for nothing but the same methods.
    const call = next as ServerInterceptingCall
    // Beneath the interface that gRPC shows, which tells of whole messages only.
    const { stream } = call as unknown as { readonly stream: ServerHttp2Stream }
    let share: RequestShare | undefined
    const refuse = (error: unknown): void => {
      share?.close()
      share = undefined
      call.sendStatus(toGrpcError(error))
    }
    try {
      share = budget.open()
    } catch (error) {
      refuse(error)
      return call
    }
    let partial = 0
    stream.on('data', (bytes: Buffer) => {
      if (share === undefined) return
      if (stream.isPaused()) {
        // gRPC reads no further while somebody has a message of it.
        share.give(partial)
        partial = 0
        return
      }
      try {
        share.take(bytes.length)
        partial += bytes.length
      } catch (error) {
        refuse(error)
      }
    })
    stream.once('close', () => share?.close())
    return call
  }
}
